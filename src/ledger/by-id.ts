import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { list, raw, sql, textOf, type Fragment } from "../databases/sql.ts";
import type { Run } from "../databases/writing/writer.ts";
import type { Wanted } from "./ledger.ts";
import { ACTIONS, COLUMNS } from "./record.ts";

export type WholeRow = Record<string, unknown>;

/** A server takes 65,535 values with a statement. */
const MOST_PLACES = 2 ** 14;

/** Ids as statements take them, in the one order in which rows are locked. */
export function inPieces(dialect: Dialect, ids: readonly string[]): (readonly string[])[] {
  if (dialect === "sqlite" || ids.length <= MOST_PLACES) return ids.length === 0 ? [] : [ids];
  const sorted = [...ids].sort();
  const count = Math.ceil(sorted.length / MOST_PLACES);
  return Array.from({ length: count }, (_, index) => sorted.slice(index * MOST_PLACES, (index + 1) * MOST_PLACES));
}

/** Actions by their ids, of which there are no more than in a piece: in SQLite one JSON text, whatever their number; else a list of places. */
export function amongIds(dialect: Dialect, column: Fragment, ids: readonly string[]): Fragment {
  if (dialect === "sqlite") return sql`${column} in (select value from json_each(${JSON.stringify(ids)}))`;
  const last = ids.at(-1);
  if (last === undefined) return raw("1 = 0");
  // As many places as the next power of two, filled with the last one: each number of places is prepared once.
  const places = 2 ** Math.ceil(Math.log2(ids.length));
  const filled = [...ids, ...Array.from({ length: places - ids.length }, () => last)];
  return sql`${column} in (${list(filled)})`;
}

/** Whole rows of actions, nobody else's to change until the transaction ends. */
export async function lockedRows(run: Run, dialect: Dialect, ids: readonly string[]): Promise<WholeRow[]> {
  const columns = COLUMNS.map((column) => quoteName(dialect, column)).join(", ");
  return locked(run, dialect, columns, ids);
}

/** Locks actions, in the one order. */
export async function lockIds(run: Run, dialect: Dialect, ids: readonly string[]): Promise<void> {
  await locked(run, dialect, quoteName(dialect, "id"), ids);
}

async function locked(run: Run, dialect: Dialect, columns: string, ids: readonly string[]): Promise<WholeRow[]> {
  const id = quoteName(dialect, "id");
  // In one order, so that two runs wait for each other rather than lock each other out. SQLite's writing transactions hold
  // the whole file.
  const order = `order by ${id}${dialect === "sqlite" ? "" : " for update"}`;
  const found: WholeRow[][] = [];
  for (const piece of inPieces(dialect, ids)) {
    const each = sql`select ${raw(columns)} from ${raw(ACTIONS)} where ${amongIds(dialect, raw(id), piece)} ${raw(order)}`;
    found.push((await run<WholeRow>(textOf(each, dialect), each.values)).rows);
  }
  return found.flat();
}

/**
 * Gives a run those steps that nobody is undoing, in SQLite, and answers with their rows, each a list in the order of
 * `COLUMNS`: found and read once. None where a row that was damaged by hand holds what JSON cannot say.
 */
export async function takenRows(run: Run, by: string, wanted: readonly Wanted[]): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  const columns = COLUMNS.map((column) => quoteName("sqlite", column)).join(", ");
  for (const { ids, from } of wanted) {
    const free = sql`${amongIds("sqlite", raw('"id"'), ids)} and "undo_status" in (${list(from)})`;
    // One text crosses into JavaScript much faster than cells do.
    const taking = sql`update ${raw(ACTIONS)} set "undo_status" = 'undoing', "undo_run" = ${by} where ${free}
      returning json_array(${raw(columns)}) as "row"`;
    try {
      const taken = await run<{ row: string }>(textOf(taking, "sqlite"), taking.values);
      for (const { row } of taken.rows) rows.push(JSON.parse(row) as unknown[]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes("JSON")) throw error;
    }
  }
  return rows;
}
