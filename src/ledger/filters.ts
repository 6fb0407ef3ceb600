import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { joined, list, raw, sql, type Fragment } from "../databases/sql.ts";
import type { Filter } from "./ledger.ts";
import type { Column } from "./record.ts";

/** The condition that a filter is; true where it names nothing. */
export function conditionOf(dialect: Dialect, filter: Filter): Fragment {
  const name = (column: Column): Fragment => raw(quoteName(dialect, column));
  const among = (column: Column, values: readonly string[] | undefined): Fragment[] => {
    if (values === undefined) return [];
    if (values.length === 0) return [raw("1 = 0")];
    const found = sql`${name(column)} in (${list(values)})`;
    // To MySQL's `=` spaces at the end are nothing; `like` compares them. Ids have none.
    if (dialect !== "mysql" || column === "id") return [found];
    const each = values.map((value) => like(name(column), literally(value)));
    return [found, sql`(${joined(each, " or ")})`];
  };
  const { since, until, targets, agent, version, effect, drill } = filter;
  const parts = [
    ...among("id", filter.ids),
    ...among("trace_id", filter.traces),
    ...among("type", filter.types),
    ...among("subject", filter.subjects),
    ...(since === undefined ? [] : [sql`${name("started_at")} >= ${since}`]),
    ...(until === undefined ? [] : [sql`${name("started_at")} < ${until}`]),
    ...(targets === undefined ? [] : [anyGlob(dialect, name("target"), targets)]),
    ...(agent === undefined ? [] : [sql`${name("agent")} = ${agent}`]),
    ...(version === undefined ? [] : [sql`${name("version")} = ${version}`]),
    ...(effect === undefined ? [] : [effectOf(effect, name("effect"))]),
    ...(drill === undefined ? [] : [sql`${name("drill")} = ${drill ? 1 : 0}`]),
  ];
  return parts.length === 0 ? raw("1 = 1") : joined(parts, " and ");
}

/** An unknown effect counts as a write: a row that was damaged there must not drop out of what is to be undone. */
function effectOf(effect: NonNullable<Filter["effect"]>, column: Fragment): Fragment {
  return sql`${column} ${raw(effect === "read" ? "=" : "<>")} ${"read"}`;
}

function anyGlob(dialect: Dialect, column: Fragment, globs: readonly string[]): Fragment {
  if (globs.length === 0) return raw("1 = 0");
  const one = (glob: string): Fragment => {
    if (!/[*?]/.test(glob) && dialect !== "mysql") return sql`${column} = ${glob}`;
    if (dialect === "sqlite") return sql`${column} glob ${glob.replaceAll("[", "[[]")}`;
    return like(column, literally(glob).replaceAll("*", "%").replaceAll("?", "_"));
  };
  return sql`(${joined(globs.map(one), " or ")})`;
}

const literally = (text: string): string => text.replace(/[!%_]/g, "!$&");
const like = (column: Fragment, pattern: string): Fragment => sql`${column} like ${pattern} escape '!'`;
