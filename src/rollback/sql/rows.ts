import type { Parameter, Value } from "../../databases/database.ts";
import { quoteName } from "../../databases/identifiers.ts";
import type { Session } from "../../databases/session.ts";
import type { Column, Reference, Table } from "./catalog.ts";
import type { Cell, Row } from "./image.ts";
import { cellOfText, ENCODING, hasReal, jsonOfCells, MOST_AS_TEXT, textExpression, textForm } from "./text.ts";

/** Cells that name a row, by column. */
export type Identity = Readonly<Record<string, Cell>>;

/** So many rows are asked for at once. */
const MOST_AT_ONCE = 100;

/** A statement that is being written: its text so far refers to parameters by their place. */
export class Writing {
  readonly parameters: Parameter[] = [];
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get dialect(): Session["dialect"] {
    return this.#session.dialect;
  }

  quote(name: string): string {
    return quoteName(this.#session.dialect, name);
  }

  /** The expression for a value of a column. Throws RangeError for what is no value of it. */
  value(column: Column, cell: Cell): string {
    const place = this.#session.dialect === "postgres" ? `$${this.parameters.length + 1}` : "?";
    const { sql, parameter } = textForm(this.#session.dialect).write(column, cell, place);
    this.parameters.push(parameter);
    return sql;
  }

  /** The expression for a text of our own. */
  text(value: string): string {
    this.parameters.push(value);
    return this.dialect === "postgres" ? `$${this.parameters.length}` : "?";
  }

  /** The condition that finds a row. */
  where(table: Pick<Table, "columns">, identity: Identity): string {
    const conditions = Object.entries(identity).map(([name, cell]) =>
      cell === null
        ? `${this.quote(name)} is null`
        : `${this.quote(name)} = ${this.value(columnOf(table, name), cell)}`,
    );
    return conditions.join(" and ");
  }
}

/** Throws RangeError where the table has no such column. */
export function columnOf({ columns }: Pick<Table, "columns">, name: string): Column {
  const column = columns.find((candidate) => candidate.name === name);
  if (!column) throw new RangeError(`${name} is no column of the table`);
  return column;
}

/** The one spelling of what identifies a row. */
export function rowId(table: string, columns: readonly string[], row: Readonly<Record<string, Cell>>): string {
  const [first = "", ...more] = columns;
  // Most keys have one column, and this is done several times for each action.
  if (more.length === 0) return `${table} [${JSON.stringify(row[first] ?? null)}]`;
  return `${table} ${JSON.stringify(columns.map((column) => row[column] ?? null))}`;
}

/** What identifies more than one of these rows. */
export function sharedBy(
  rows: readonly Readonly<Record<string, Cell>>[],
  table: string,
  columns: readonly string[],
): string[] {
  const known = new Set<string>();
  return rows.map((row) => rowId(table, columns, row)).filter((id) => known.size === known.add(id).size);
}

interface Reading {
  lock: boolean;
  /** Of each hundred rows. */
  most?: number;
  /** The columns that are read; all of them where nothing is said. */
  only?: ReadonlySet<string>;
}

/**
 * Rows of a table that have these values in these columns. With `lock` nobody changes them until the transaction ends.
 */
export async function readRows(
  session: Session,
  table: Table,
  identities: readonly Identity[],
  reading: Reading,
): Promise<NonNullable<Row>[]> {
  const found: NonNullable<Row>[][] = [];
  for (let start = 0; start < identities.length; start += MOST_AT_ONCE) {
    found.push(await readSome(session, table, identities.slice(start, start + MOST_AT_ONCE), reading));
  }
  return found.flat();
}

async function readSome(
  session: Session,
  table: Table,
  identities: readonly Identity[],
  { lock, most, only }: Reading,
): Promise<NonNullable<Row>[]> {
  const columns = only === undefined ? table.columns : table.columns.filter(({ name }) => only.has(name));
  const asText =
    session.dialect === "sqlite" && most === undefined ? await readAsText(session, table, columns, identities) : null;
  if (asText !== null) return asText;
  const form = textForm(session.dialect);
  const writing = new Writing(session);
  const expressions = columns.flatMap((column) => form.read(column, writing.quote(column.name)));
  const list = expressions.map((expression, index) => `${expression} as c${index}`).join(", ");
  const where = whereAny(writing, table, identities);
  // SQLite's writing transactions hold the whole file; in the order of the key, so that two runs never wait for each other.
  const locking = lock && session.dialect !== "sqlite" ? ` ${orderOf(writing, table)} for update` : "";
  const end = most === undefined ? locking : `${locking} limit ${most}`;
  const rows = await session.query(`select ${list} from ${table.quoted} where ${where}${end}`, writing.parameters);
  return rows.map((row) => decoded(columns, row, session));
}

/** Tables that hold real numbers: SQLite's text of those is not always the same number. */
const WITH_REALS = new WeakSet<Table>();

/** All rows as one text, which crosses into JavaScript faster than cells do; null where it cannot. SQLite alone. */
async function readAsText(
  session: Session,
  table: Table,
  columns: readonly Column[],
  identities: readonly Identity[],
): Promise<NonNullable<Row>[] | null> {
  if (columns.length > MOST_AS_TEXT || WITH_REALS.has(table)) return null;
  const writing = new Writing(session);
  const cells = columns.map(({ name }) => textExpression(writing.quote(name))).join(", ");
  const where = whereAny(writing, table, identities);
  const [answer] = await session.query<{ found: string; encoding: string }>(
    `select json_group_array(json_array(${cells})) as found, ${ENCODING} as encoding from ${table.quoted} where ${where}`,
    writing.parameters,
  );
  const rows = JSON.parse(answer?.found ?? "[]") as string[][];
  if (rows.some(hasReal)) {
    WITH_REALS.add(table);
    return null;
  }
  const encoding = answer?.encoding ?? "UTF-8";
  return rows.map((texts) => {
    const row: Record<string, Cell> = {};
    for (const [index, { name }] of columns.entries()) row[name] = cellOfText(texts[index] ?? "NULL", encoding);
    return row;
  });
}

function orderOf(writing: Writing, { primaryKey }: Table): string {
  return primaryKey.length === 0 ? "" : `order by ${primaryKey.map((name) => writing.quote(name)).join(", ")}`;
}

/** A list for a key of one column, which is what indexes like best; else one condition beside the other. */
function whereAny(writing: Writing, table: Table, identities: readonly Identity[]): string {
  const [first = {}] = identities;
  const names = Object.keys(first);
  const [name] = names;
  const isSingle = name !== undefined && names.length === 1 && identities.every((one) => typeof one[name] === "string");
  if (!isSingle) return identities.map((identity) => `(${writing.where(table, identity)})`).join(" or ");
  const column = columnOf(table, name);
  const inJson = writing.dialect === "sqlite" ? jsonOfCells(identities.map((one) => one[name] ?? null)) : null;
  // Without the plus the values have an affinity of their own, and a number finds nothing in a column of text.
  if (inJson !== null) return `${writing.quote(name)} in (select +value from json_each(${writing.text(inJson)}))`;
  const values = identities.map((identity) => writing.value(column, identity[name] ?? null));
  return `${writing.quote(name)} in (${values.join(", ")})`;
}

function decoded(columns: readonly Column[], row: Record<string, Value>, session: Session): NonNullable<Row> {
  const form = textForm(session.dialect);
  const cells = columns.map((column, index) => {
    const values = Array.from({ length: form.width }, (_, offset) => row[`c${index * form.width + offset}`]);
    return [column.name, form.decode(column, values)] as const;
  });
  return Object.fromEntries(cells);
}

/** Rows of another table that point at this one: they would go with it, or keep it from going. */
export interface Dependent {
  /** Their table, as people read it. */
  table: string;
  /** As `rowId` spells them. */
  rows: readonly string[];
}

/** More of them are not told apart: one is reason enough. */
const MOST_DEPENDENTS = 20;

/** Who points at a row; so many more of them as are known to `leave`. */
export async function readDependents(
  session: Session,
  table: Table,
  row: NonNullable<Row>,
  leave: number,
): Promise<Dependent[]> {
  const found: Dependent[] = [];
  for (const reference of table.references) {
    const rows = await pointingAt(session, table, reference, row, MOST_DEPENDENTS + leave);
    if (rows.length > 0) found.push({ table: reference.shown, rows });
  }
  return found;
}

/** Without those that leave it anyway. */
export const staying = (dependents: readonly Dependent[], leaving: Pick<ReadonlySet<string>, "has">): Dependent[] =>
  dependents
    .map(({ table, rows }) => ({ table, rows: rows.filter((row) => !leaving.has(row)) }))
    .filter(({ rows }) => rows.length > 0);

async function pointingAt(
  session: Session,
  table: Table,
  reference: Reference,
  row: NonNullable<Row>,
  most: number,
): Promise<string[]> {
  const { columns, parentColumns, childIdentity, child, shown } = reference;
  const cells = parentColumns.map((name) => row[name] ?? null);
  // A key with a NULL in it points at nothing.
  if (cells.includes(null)) return [];
  const writing = new Writing(session);
  const form = textForm(session.dialect);
  const where = columns.map((name, index) => {
    const parent = columnOf(table, parentColumns[index] ?? "");
    return `${writing.quote(name)} = ${writing.value(parent, cells[index] ?? null)}`;
  });
  // The types of another table's columns are not known here, and its rows are only counted.
  const plain = (name: string): Column =>
    shown === table.name ? columnOf(table, name) : { name, type: "", generated: false, identityAlways: false };
  const expressions = childIdentity.flatMap((name) => form.read(plain(name), writing.quote(name)));
  const list = expressions.map((expression, index) => `${expression} as c${index}`).join(", ");
  const rows = await session.query(
    `select ${list} from ${child} where ${where.join(" and ")} limit ${most}`,
    writing.parameters,
  );
  return rows.map((found) => rowId(shown, childIdentity, decoded(childIdentity.map(plain), found, session)));
}
