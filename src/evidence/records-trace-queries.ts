import { DatabaseFailed, type Value } from "../databases/database.ts";
import { ask, type Fragment, raw, sql } from "../databases/sql.ts";
import { canonicalJson } from "../values/canonical-json.ts";
import { sha256 } from "../values/hash-chain.ts";
import { column, isEmpty, isOfType, rowsOf } from "./records-conditions.ts";
import { epochOf, momentLike } from "./records-times.ts";
import type { OpenTable } from "./records-tables.ts";

/** More rows than one trace can sensibly have written; beyond it the column holds something else. */
const MOST_ROWS = 10_000;

/** The most recent trace of an action type. */
export interface LatestTrace {
  trace: string;
  /** Epoch milliseconds; null where no column tells the time, or not in a form that is known. */
  at: number | null;
}

/** The most recent trace of a type in one table; null where it has none, or names no column for traces. */
export async function latestTraceIn(open: OpenTable, type: string): Promise<LatestTrace | null> {
  const { trace, at } = open.table.columns;
  const ofType = isOfType(open, type);
  if (trace === undefined || ofType === null) return null;
  const hasTrace = sql`not ${isEmpty(open, trace)}`;
  if (at === undefined) {
    const [row] = await lastWritten(
      open,
      sql`select ${column(open, trace)} as trace from ${rowsOf(open, ofType, hasTrace)}`,
    );
    return row ? { trace: String(row.trace), at: null } : null;
  }
  const time = column(open, at);
  // PostgreSQL would put those without a time first.
  const rows = rowsOf(open, ofType, hasTrace, sql`${time} is not null`);
  const [row] = await ask<{ trace: Value; at: Value }>(
    open.database,
    sql`select ${column(open, trace)} as trace, ${time} as at from ${rows} order by ${time} desc limit 1`,
  );
  return row ? { trace: String(row.trace), at: epochOf(row.at) } : null;
}

async function lastWritten({ database, table }: OpenTable, select: Fragment): Promise<{ trace: Value }[]> {
  const any = sql`${select} limit 1`;
  if (database.dialect !== "sqlite" || table.table === undefined) return ask(database, any);
  try {
    return await ask(database, sql`${select} order by rowid desc limit 1`);
  } catch (error) {
    // Views and tables WITHOUT ROWID have none; whatever else is wrong, the plain query says as well.
    if (error instanceof DatabaseFailed) return ask(database, any);
    throw error;
  }
}

/** How many records of each type one table holds under a trace. */
export async function countByTypeIn(open: OpenTable, trace: string): Promise<[string, number][]> {
  const ofTrace = traceCondition(open, trace);
  if (ofTrace === null) return [];
  const { columns, types } = open.table;
  const whole = Object.keys(types ?? {});
  const [all] = whole.length === 0 ? [] : await count(open, ofTrace);
  const counts = whole.map((type): [string, number] => [type, Number(all?.total)]);
  if (columns.type !== undefined) {
    const type = column(open, columns.type);
    const rows = await ask<{ type: Value; total: Value }>(
      open.database,
      sql`select ${type} as type, count(*) as total from ${rowsOf(open, ofTrace)} group by ${type} limit ${raw(String(MOST_ROWS))}`,
    );
    const named = rows.filter(({ type }) => type !== null && type !== "" && !whole.includes(String(type)));
    counts.push(...named.map(({ type, total }): [string, number] => [String(type), Number(total)]));
  }
  return counts.filter(([, total]) => total > 0);
}

function traceCondition(open: OpenTable, trace: string): Fragment | null {
  const { trace: written } = open.table.columns;
  return written === undefined ? null : sql`${column(open, written)} = ${trace}`;
}

const count = (open: OpenTable, ...conditions: Fragment[]): Promise<{ total: Value }[]> =>
  ask(open.database, sql`select count(*) as total from ${rowsOf(open, ...conditions)}`);

/** Every row under a trace as one line of canonical JSON, sorted. */
export async function rowsOfTraceIn(open: OpenTable, trace: string): Promise<string[]> {
  const ofTrace = traceCondition(open, trace);
  if (ofTrace === null) return [];
  const rows = await ask(
    open.database,
    sql`select * from ${rowsOf(open, ofTrace)} limit ${raw(String(MOST_ROWS + 1))}`,
  );
  if (rows.length > MOST_ROWS) throw new DatabaseFailed(`a trace has more than ${MOST_ROWS} records`);
  return rows
    .map((row) => canonicalJson(Object.fromEntries(Object.entries(row).map(([key, value]) => [key, spelt(value)]))))
    .sort();
}

/** What JSON has no word for; the type stays visible, so that 1 and "1" differ. */
function spelt(value: Value): unknown {
  if (typeof value === "bigint") return { integer: String(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { number: String(value) };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  return value;
}

/** One digest over the rows of all tables, in the order of the configuration. */
export const digestOf = (tables: string[][]): string => sha256(canonicalJson(tables));

/** How many records of one table fall into `[since, until)`; null where it names no time that can be compared. */
export async function countInWindow(open: OpenTable, since: number, until: number): Promise<number | null> {
  const { at } = open.table.columns;
  if (at === undefined) return null;
  const time = column(open, at);
  const [sample] = await ask<{ at: Value }>(
    open.database,
    sql`select ${time} as at from ${rowsOf(open, sql`${time} is not null`)} limit 1`,
  );
  if (sample === undefined) return 0;
  const [from, to] = [momentLike(sample.at, since), momentLike(sample.at, until)];
  if (from === null || to === null) return null;
  const [row] = await count(open, sql`${time} >= ${from}`, sql`${time} < ${to}`);
  return Number(row?.total);
}
