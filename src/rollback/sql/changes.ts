import type { Session } from "../../databases/session.ts";
import type { Table } from "./catalog.ts";
import type { Cell, Change, Row } from "./image.ts";
import { columnOf, type Identity, Writing } from "./rows.ts";
import { arrayType, isPlain } from "./text.ts";

/** One change of a row, with what the row was before the action. */
export interface RowChange {
  table: Table;
  change: Change;
  before: Row;
  identity: Identity;
}

/** Rows that one update restores: the same columns of the same table, found by the same columns. */
interface Alike {
  key: string;
  table: Table;
  columns: readonly string[];
  names: readonly string[];
  /** By row: the same one twice in a statement would be restored in no order. */
  rows: Map<string, RowChange>;
}

/** So many values go into a statement: SQLite takes 32,766, PostgreSQL an array per column. */
const MOST_VALUES = 16_000;

/** Writes changes in their order. Updates that are alike and follow each other wait, and go as one statement. */
export class Changes {
  readonly #session: Session;
  #waiting: Alike | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  async add(one: RowChange): Promise<void> {
    const { table, change, identity } = one;
    if (change.kind !== "update" || !this.#canWait(one, change.columns)) {
      await this.flush();
      await this.#write(one);
      return;
    }
    const names = Object.keys(identity);
    const key = [table.name, ...change.columns, "", ...names].join("\u0000");
    const most = MOST_VALUES / (names.length + change.columns.length);
    const joins = this.#waiting?.key === key && !this.#waiting.rows.has(change.row) && this.#waiting.rows.size < most;
    if (!joins) await this.flush();
    this.#waiting ??= { key, table, columns: change.columns, names, rows: new Map() };
    this.#waiting.rows.set(change.row, one);
  }

  /** Writes what waits; whoever reads must do so first. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) return;
    const [first, ...more] = waiting.rows.values();
    if (first && more.length === 0) return this.#write(first);
    const writing = new Writing(this.#session);
    await this.#session.query(updateOf(writing, waiting), writing.parameters);
  }

  async #write({ table, change, before, identity }: RowChange): Promise<void> {
    const writing = new Writing(this.#session);
    await this.#session.query(statementFor(writing, table, change, before, identity), writing.parameters);
  }

  /** Whether each of its values is the same in a list of rows, where its column does not say of what type it is. */
  #canWait({ table, before, identity }: RowChange, columns: readonly string[]): boolean {
    const { dialect } = this.#session;
    if (dialect === "mysql") return false;
    const passes = (name: string, cell: Cell): boolean =>
      dialect === "sqlite" ? isPlain(cell) : arrayType(columnOf(table, name)) !== null;
    return (
      columns.every((name) => passes(name, before?.[name] ?? null)) &&
      Object.entries(identity).every(([name, cell]) => cell !== null && passes(name, cell))
    );
  }
}

/** Updates many rows: from a list of rows in SQLite, in PostgreSQL from an array per column. */
function updateOf(writing: Writing, { table, columns, names, rows }: Alike): string {
  const lists = [...rows.values()].map(({ identity, before }) => [
    ...names.map((name) => identity[name] ?? null),
    ...columns.map((name) => before?.[name] ?? null),
  ]);
  const described = [...names, ...columns].map((name) => columnOf(table, name));
  const fields = [...names.map((_, index) => `k${index}`), ...columns.map((_, index) => `c${index}`)].join(", ");
  const set = columns.map((name, index) => `${writing.quote(name)} = given.c${index}`).join(", ");
  const where = names.map((name, index) => `target.${writing.quote(name)} = given.k${index}`).join(" and ");
  const update = `update ${table.quoted} as target set ${set} from`;
  if (writing.dialect === "postgres") {
    const arrays = described.map((column, index) => {
      const place = writing.text(arrayOf(lists.map((cells) => cells[index] ?? null)));
      return `${place}::${arrayType(column) ?? "text"}[]`;
    });
    return `${update} unnest(${arrays.join(", ")}) as given (${fields}) where ${where}`;
  }
  const values = lists.map(
    (cells) => `(${described.map((column, index) => writing.value(column, cells[index] ?? null)).join(", ")})`,
  );
  return `with given (${fields}) as (values ${values.join(", ")}) ${update} given where ${where}`;
}

/** PostgreSQL's text of an array. */
const arrayOf = (cells: readonly Cell[]): string =>
  `{${cells.map((cell) => (cell === null ? "NULL" : `"${cell.replace(/[\\"]/g, "\\$&")}"`)).join()}}`;

function statementFor(writing: Writing, table: Table, change: Change, before: Row, identity: Identity): string {
  const cells = Object.entries(before ?? {}).filter(([name]) => !columnOf(table, name).generated);
  switch (change.kind) {
    case "delete":
      return `delete from ${table.quoted} where ${writing.where(table, identity)}`;
    case "insert": {
      const names = cells.map(([name]) => writing.quote(name));
      const values = cells.map(([name, cell]) => writing.value(columnOf(table, name), cell));
      const overriding = table.columns.some(({ identityAlways }) => identityAlways) ? " overriding system value" : "";
      return `insert into ${table.quoted} (${names.join(", ")})${overriding} values (${values.join(", ")})`;
    }
    case "update": {
      const set = change.columns.map((name) => {
        return `${writing.quote(name)} = ${writing.value(columnOf(table, name), before?.[name] ?? null)}`;
      });
      return `update ${table.quoted} set ${set.join(", ")} where ${writing.where(table, identity)}`;
    }
  }
}
