import type { Foreign } from "./sql/image.ts";

const MOST_NAMED = 3;

/** What somebody changed since. */
export function foreignWords(foreign: readonly Foreign[]): string {
  const named = foreign.slice(0, MOST_NAMED).map(({ words }) => words);
  const more = foreign.length - named.length;
  return `changed since: ${named.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** What else a delete would take along, or break. */
export function cascadeWords(dependents: readonly { table: string; rows: readonly string[] }[]): string {
  const named = dependents.map(({ table, rows }) => `${rows.length} ${rows.length === 1 ? "row" : "rows"} of ${table}`);
  return `deleting it would reach further: ${named.join(", ")} point at it`;
}
