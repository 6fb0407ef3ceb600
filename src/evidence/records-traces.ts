import {
  countByTypeIn,
  countInWindow,
  digestOf,
  type LatestTrace,
  latestTraceIn,
  rowsOfTraceIn,
} from "./records-trace-queries.ts";
import { named, type OpenTable, type OpenTables } from "./records-tables.ts";

/*
 * What the script's dry run is held against, read from the configured rollback tables, which stay open meanwhile: opening
 * SQLite starts a process, and dry runs look before and after each of them. Every function throws DatabaseFailed.
 */

export type { LatestTrace };

/**
 * The most recent trace of each of these types, without the types that have none: by `columns.at` where it is configured,
 * else the row written last in SQLite, else any.
 */
export async function latestTraces(tables: OpenTables, types: readonly string[]): Promise<Map<string, LatestTrace>> {
  const latest = new Map<string, LatestTrace>();
  await eachTable(tables, async (table) => {
    for (const type of types) {
      const found = await latestTraceIn(table, type);
      const known = latest.get(type);
      if (found && (known === undefined || (found.at ?? 0) > (known.at ?? 0))) latest.set(type, found);
    }
  });
  return latest;
}

/** How many records of each type a trace has. */
export async function typesOfTrace(tables: OpenTables, trace: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  await eachTable(tables, async (table) => {
    for (const [type, count] of await countByTypeIn(table, trace)) counts.set(type, (counts.get(type) ?? 0) + count);
  });
  return counts;
}

/**
 * SHA-256 in hex of everything that the tables hold under a trace, whatever the order of the rows: the same before and
 * after means that nothing was changed. A trace without records has a digest too.
 */
export async function digestOfTrace(tables: OpenTables, trace: string): Promise<string> {
  const rows: string[][] = [];
  await eachTable(tables, async (table) => void rows.push(await rowsOfTraceIn(table, trace)));
  return digestOf(rows);
}

/**
 * How many records fall into `[since, until)`, both in epoch milliseconds; null where no table names `columns.at`, or its
 * times are in a form that cannot be compared (text with an offset from UTC).
 */
export async function recordsInWindow(tables: OpenTables, since: number, until: number): Promise<number | null> {
  const counts: number[] = [];
  await eachTable(tables, async (table) => {
    const count = await countInWindow(table, since, until);
    if (count !== null) counts.push(count);
  });
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
}

async function eachTable(tables: OpenTables, visit: (table: OpenTable) => Promise<void>): Promise<void> {
  for (const table of tables) await named(tables, table.shown, () => visit(table));
}
