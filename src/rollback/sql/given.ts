import type { Dialect } from "../../databases/database.ts";
import { sameJson } from "../../values/same-json.ts";
import type { Column, Table } from "./catalog.ts";
import type { Cell, Row } from "./image.ts";
import { type Identity, rowId } from "./rows.ts";

/**
 * What an action itself gave as `before` and `after`, where `sql` stands only in clawproof.yaml: JSON objects by column,
 * null where there was no row. They are held against the database's own text as numbers, times and texts, not bit for bit.
 */
export interface Given {
  /** The columns that find the row. */
  key: readonly string[];
  before: JsonRow;
  /** Undefined where the action never ended, or gave nothing. */
  after: JsonRow | undefined;
}
export type JsonRow = Readonly<Record<string, unknown>> | null;

/** Reads what an action gave; why it is not a row, where it is none. */
export function readGiven(
  key: readonly string[],
  recorded: { before?: unknown; after?: unknown; key?: Readonly<Record<string, unknown>> | undefined },
): Given | { why: string } {
  const [before, after] = [recorded.before, recorded.after];
  if (before === undefined) return { why: "the action recorded no `before`, and captured no rows" };
  if (!isRow(before) || (after !== undefined && !isRow(after))) {
    return { why: "`before` and `after` are no rows: objects by column, or null" };
  }
  const given: Given = { key, before: withKey(before, recorded.key), after: after && withKey(after, recorded.key) };
  if (after === null) given.after = null;
  if (before === null && !given.after) return { why: "neither `before` nor `after` holds a row" };
  const missing = key.find((name) => keyValue(given, name) === undefined);
  return missing === undefined ? given : { why: `neither \`before\` nor \`after\` holds the key ${missing}` };
}

const isRow = (value: unknown): value is JsonRow =>
  value === null || (typeof value === "object" && !Array.isArray(value));

/** The key may have been recorded apart. */
const withKey = (row: JsonRow, key: Readonly<Record<string, unknown>> | undefined): JsonRow =>
  row === null ? null : { ...key, ...row };

const keyValue = ({ before, after }: Given, name: string): unknown => before?.[name] ?? after?.[name];

/** What finds the row now. */
export function givenIdentity(given: Given, table: Table, dialect: Dialect): Identity {
  return Object.fromEntries(
    given.key.map((name) => [name, cellOf(keyValue(given, name), dialect, columnIn(table, name))] as const),
  );
}

/** The columns that an action says anything of. */
export const givenNames = ({ before, after }: Given): Set<string> =>
  new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);

/** What identifies its row: the same as for rows that were captured, so that actions of both kinds meet on it. */
export function givenId(given: Given, table: Table, now: Row, dialect: Dialect): string {
  const names = table.primaryKey.length > 0 ? table.primaryKey : given.key;
  const cell = (name: string): Cell => cellOf(keyValue(given, name), dialect, columnIn(table, name));
  return rowId(table.name, names, now ?? Object.fromEntries(names.map((name) => [name, cell(name)])));
}

const columnIn = ({ columns }: Table, name: string): Column | undefined =>
  columns.find((column) => column.name === name);

/** A row of JSON as cells: those that say the same as what is there now, and what found it, are spelled as they are there. */
export function cellsOf(row: JsonRow, now: Row, table: Table, dialect: Dialect, given: Given): Row {
  if (row === null) return null;
  const cells = Object.entries(row).flatMap(([name, value]) => {
    const column = columnIn(table, name);
    if (!column || value === undefined) return [];
    const is = now?.[name];
    const found = given.key.includes(name) && value === keyValue(given, name);
    const isSame = is !== undefined && (found || saysTheSame(value, is, column));
    return [[name, isSame ? is : cellOf(value, dialect, column)] as const];
  });
  return Object.fromEntries(cells);
}

/** Fields that the action changed and that no column holds: they cannot be put back here. */
export function unknownFields(given: Given, table: Table): string[] {
  const { before, after } = given;
  const names = [...givenNames(given)];
  const text = (row: JsonRow | undefined, name: string): string => JSON.stringify(row?.[name] ?? null);
  return names.filter((name) => !columnIn(table, name) && (!after || text(before, name) !== text(after, name)));
}

function cellOf(value: unknown, dialect: Dialect, column: Column | undefined): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return dialect === "postgres" ? String(value) : value ? "1" : "0";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (dialect === "mysql" && typeof value === "string" && isTime(column))
    return text.replace("T", " ").replace("Z", "");
  if (dialect !== "sqlite" || typeof value === "number") return text;
  return `'${text.replaceAll("'", "''")}'`;
}

const isTime = (column: Column | undefined): boolean => /time|date/.test(column?.type ?? "");

/** Whether a JSON value and a cell mean the same. In doubt not: then it is a conflict, and nothing is overwritten. */
export function saysTheSame(value: unknown, cell: Cell, column: Column): boolean {
  if (value === null || cell === null) return value === cell;
  const text = unquoted(cell);
  if (typeof value === "boolean") return (value ? ["true", "t", "1"] : ["false", "f", "0"]).includes(text);
  if (typeof value === "number") return sameNumber(String(value), text);
  if (typeof value === "object") return isJsonOf(value, text);
  if (value === text) return true;
  if (typeof value !== "string") return false;
  if (isTime(column)) return sameTime(value, text);
  return /int|numeric|decimal|float|double|real/.test(column.type) && sameNumber(value, text);
}

/** A cell without the marks of SQLite's literals: `7` and `'7'` find the same row, whichever the column keeps. */
export const unquoted = (cell: string): string =>
  cell.startsWith("'") && cell.endsWith("'") && cell.length > 1 ? cell.slice(1, -1).replaceAll("''", "'") : cell;

function sameNumber(a: string, b: string): boolean {
  const [x, y] = [normalNumber(a), normalNumber(b)];
  return x !== null && x === y;
}

/** Digits and exponent without what says nothing: `5.00` and `5` are the same. Null for what is no number. */
function normalNumber(text: string): string | null {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text.trim()) ?? [];
  if (whole === "") return null;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const trimmed = digits.replace(/0+$/, "");
  if (trimmed === "") return "0";
  const power = Number(exponent) - fraction.length + (digits.length - trimmed.length);
  return `${sign === "-" ? "-" : ""}${trimmed}e${power}`;
}

function isJsonOf(value: object, text: string): boolean {
  try {
    return sameJson(value, JSON.parse(text));
  } catch {
    // Text that is no JSON is not what the action gave.
    return false;
  }
}

function sameTime(a: string, b: string): boolean {
  const [x, y] = [timeOf(a), timeOf(b)];
  return x !== null && x === y;
}

/** ISO 8601 and what databases print of it, to the microsecond; without a zone UTC, which is what our sessions ask for. */
function timeOf(text: string): string | null {
  const [, day, time = "00:00:00", fraction = "", zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i.exec(text.trim()) ??
    [];
  if (day === undefined) return null;
  const offset = zone.length === 3 ? `${zone}:00` : zone.replace(/^([+-]\d{2})(\d{2})$/, "$1:$2");
  const ms = Date.parse(`${day}T${time}${offset.toUpperCase()}`);
  return Number.isNaN(ms) ? null : `${ms / 1_000}.${fraction.replace(/0+$/, "")}`;
}
