import type { Parameter } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { type Fragment, joined, raw, sql } from "../databases/sql.ts";
import { columnsOf, type Lack } from "./records-required.ts";
import type { OpenTable } from "./records-tables.ts";

/** A column of the table, quoted for its dialect. */
export const column = ({ database }: OpenTable, written: string): Fragment => raw(quoteName(database.dialect, written));

/** That a record is of this type; undefined where all of the table are, null where the table cannot have any. */
export function isOfType(open: OpenTable, type: Parameter): Fragment | undefined | null {
  const { columns, types } = open.table;
  if (typeof type === "string" && types?.[type] !== undefined) return undefined;
  return columns.type === undefined ? null : sql`${column(open, columns.type)} = ${type}`;
}

/** That a record holds nothing of what is asked for. */
export function isLacking(open: OpenTable, lack: Lack): Fragment {
  const empty = columnsOf(open.table, lack).map((written) => isEmpty(open, written));
  return sql`(${joined(empty, " and ")})`;
}

/** NULL, or a text of no characters. The JSON value null is a value: it is what was there before. */
export function isEmpty(open: OpenTable, written: string): Fragment {
  const value = column(open, written);
  switch (open.database.dialect) {
    case "sqlite":
      return sql`(${value} is null or ${value} = '')`;
    case "mysql":
      // Not `= ''`, which a zero equals there.
      return sql`(${value} is null or length(${value}) = 0)`;
    case "postgres":
      // JSON is never empty, and writing five million of them out as text is slow.
      return sql`(${value} is null or case when pg_typeof(${value}) in ('json'::regtype, 'jsonb'::regtype) then false else ${value}::text = '' end)`;
  }
}

/** What stands after `from`: the table with its own `where`, and these conditions beside it. */
export function rowsOf({ table, from }: OpenTable, ...conditions: (Fragment | undefined)[]): Fragment {
  const given = conditions.filter((condition) => condition !== undefined).map((condition) => sql`(${condition})`);
  // The line break keeps a comment at its end from swallowing the bracket.
  const all = table.where === undefined ? given : [raw(`(${table.where}\n)`), ...given];
  return all.length === 0 ? raw(from) : sql`${raw(from)} where ${joined(all, " and ")}`;
}
