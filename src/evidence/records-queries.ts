import { DatabaseFailed, type Parameter, type Value } from "../databases/database.ts";
import { ask, type Fragment, joined, raw, sql } from "../databases/sql.ts";
import { column, isLacking, isOfType, rowsOf } from "./records-conditions.ts";
import { type Lack, requiredOf } from "./records-required.ts";
import type { OpenTable } from "./records-tables.ts";

/** More types than any agent has tools: then the column holds something else, and the answer would be as long as the table. */
export const MOST_TYPES = 250;

/** The records of one type in one table. */
export interface Counted {
  type: string;
  total: number;
  /** Records with everything that is required of the type. */
  whole: number;
  /** One entry for each thing that is required of the type. */
  lacking: { lack: Lack; count: number }[];
}

/** One action type in one table; `value` is what its type column holds, as the database gave it. */
interface Kind {
  type: string;
  value: Parameter;
  total: number;
  required: Lack[];
}

/**
 * Counts a table's records by type, and those that lack what their type requires. Two statements, because each then runs
 * at the speed of its own path: the totals along the index on the type column, the lacks in one pass over the table that
 * sorts nothing. As one grouped statement SQLite reads the table in the order of the index, in three times as long.
 * Also tells how many records name no type. Throws DatabaseFailed.
 */
export async function countRecords(open: OpenTable): Promise<{ counted: Counted[]; untyped: number }> {
  const { columns, types } = open.table;
  const named = columns.type === undefined ? { kinds: [], untyped: 0 } : await namedKinds(open, columns.type);
  const whole = await wholeKinds(open, Object.keys(types ?? {}));
  if (columns.type === undefined && whole.length === 0) {
    throw new DatabaseFailed("rollback.records names neither columns.type nor types, so no record has an action type");
  }
  return { counted: await countLacks(open, [...named.kinds, ...whole]), untyped: named.untyped };
}

/** The types that the type column names. */
async function namedKinds(open: OpenTable, typeColumn: string): Promise<{ kinds: Kind[]; untyped: number }> {
  const type = column(open, typeColumn);
  const rows = await ask<{ type: Value; total: Value }>(
    open.database,
    sql`select ${type} as type, count(*) as total from ${rowsOf(open)} group by ${type} limit ${raw(String(MOST_TYPES + 1))}`,
  );
  if (rows.length > MOST_TYPES) {
    throw new DatabaseFailed(`column ${typeColumn} holds more than ${MOST_TYPES} different action types`);
  }
  const isNamed = ({ type: value }: { type: Value }): boolean => value !== null && value !== "";
  const kinds = rows
    .filter((row) => isNamed(row) && open.table.types?.[String(row.type)] === undefined)
    .map((row) => kindOf(open, row.type, row.total));
  const untyped = rows.filter((row) => !isNamed(row)).reduce((sum, { total }) => sum + Number(total), 0);
  return { kinds, untyped };
}

/** The types that all of the table is of. */
async function wholeKinds(open: OpenTable, types: string[]): Promise<Kind[]> {
  if (types.length === 0) return [];
  const [row] = await ask<{ total: Value }>(open.database, sql`select count(*) as total from ${rowsOf(open)}`);
  return types.map((type) => kindOf(open, type, row?.total ?? null));
}

function kindOf(open: OpenTable, value: Value, total: Value): Kind {
  const type = String(value);
  return { type, value, total: Number(total), required: requiredOf(open.table, type) };
}

async function countLacks(open: OpenTable, kinds: Kind[]): Promise<Counted[]> {
  if (kinds.length === 0) return [];
  const amiss = isAmiss(open, kinds);
  const counts = kinds.flatMap((kind) => conditionsOf(open, kind, amiss !== undefined));
  const columns = counts.map(
    (condition, index) => sql`count(case when ${condition} then 1 end) as ${raw(`n${index}`)}`,
  );
  const [row] = await ask(open.database, sql`select ${joined(columns, ", ")} from ${rowsOf(open, amiss)}`);
  let next = 0;
  const take = (): number => Number(row?.[`n${next++}`]);
  return kinds.map(({ type, total, required }) => {
    const whole = total - take();
    return { type, total, whole, lacking: required.map((lack) => ({ lack, count: take() })) };
  });
}

/** For one type: that a record lacks something, then that it lacks each thing. `amiss`: only such records are looked at. */
function conditionsOf(open: OpenTable, { value, required }: Kind, amiss: boolean): Fragment[] {
  const ofType = isOfType(open, value);
  const lacks = required.map((lack) => isLacking(open, lack));
  if (!ofType) return [joined(lacks, " or "), ...lacks];
  const any = amiss ? ofType : sql`${ofType} and (${joined(lacks, " or ")})`;
  return [any, ...lacks.map((lack) => sql`${ofType} and ${lack}`)];
}

/** That a record lacks what its type requires: few do, and only those are then counted by type, which halves the time. */
function isAmiss(open: OpenTable, kinds: Kind[]): Fragment | undefined {
  const { types, require } = open.table;
  // A record that is of several types at once cannot be sorted out beforehand.
  if (types !== undefined) return undefined;
  const lacksAny = ({ required }: Kind): Fragment =>
    joined(
      required.map((lack) => isLacking(open, lack)),
      " or ",
    );
  const [other] = kinds.filter(({ type }) => require?.[type] === undefined);
  const otherwise = other === undefined ? sql`1 = 0` : lacksAny(other);
  const cases = kinds
    .filter(({ type }) => require?.[type] !== undefined)
    .map((kind) => sql`when ${isOfType(open, kind.value) ?? raw("1 = 1")} then ${lacksAny(kind)}`);
  return cases.length === 0 ? otherwise : sql`case ${joined(cases, " ")} else ${otherwise} end`;
}
