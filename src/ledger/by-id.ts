import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { list, raw, sql, textOf, type Fragment } from "../databases/sql.ts";
import type { Run } from "../databases/writing/writer.ts";
import { ACTIONS, COLUMNS } from "./record.ts";

export type WholeRow = Record<string, unknown>;

/** Actions by their ids: in SQLite one JSON text, whatever their number; else a list of places. */
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
  const id = raw(quoteName(dialect, "id"));
  const columns = COLUMNS.map((column) => quoteName(dialect, column)).join(", ");
  const among = amongIds(dialect, id, ids);
  const plain = (): Promise<WholeRow[]> => locked(run, dialect, columns, among);
  if (dialect !== "sqlite") return plain();
  // SQLite's writing transactions hold the whole file, and one text crosses into JavaScript much faster than cells do.
  const whole = sql`select json_group_array(json_array(${raw(columns)})) as found from ${raw(ACTIONS)} where ${among}`;
  try {
    const { rows } = await run<{ found: string }>(textOf(whole, dialect), whole.values);
    return rows.flatMap(({ found }) => (JSON.parse(found) as unknown[][]).map(asRow));
  } catch {
    // A row damaged by hand may hold what JSON cannot say.
    return plain();
  }
}

/** The ids of those actions that meet a condition, nobody else's to change until the transaction ends. */
export async function lockedIds(run: Run, dialect: Dialect, ids: readonly string[], more: Fragment): Promise<string[]> {
  const id = quoteName(dialect, "id");
  const rows = await locked(run, dialect, id, sql`${amongIds(dialect, raw(id), ids)} and ${more}`);
  return rows.map((row) => String(row["id"]));
}

async function locked(run: Run, dialect: Dialect, columns: string, condition: Fragment): Promise<WholeRow[]> {
  // In one order, so that two runs wait for each other rather than lock each other out.
  const order = `order by ${quoteName(dialect, "id")}${dialect === "sqlite" ? "" : " for update"}`;
  const each = sql`select ${raw(columns)} from ${raw(ACTIONS)} where ${condition} ${raw(order)}`;
  return (await run<WholeRow>(textOf(each, dialect), each.values)).rows;
}

function asRow(cells: readonly unknown[]): WholeRow {
  const row: Record<string, unknown> = {};
  for (const [index, column] of COLUMNS.entries()) row[column] = cells[index];
  return row;
}
