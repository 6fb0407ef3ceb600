import { isDeepStrictEqual } from "node:util";

/** Rows as `captured` holds them: lists in the order of `columns`, so that a column's name stands beside its values. */
interface ListedRows {
  columns: string[];
  identity?: unknown;
  before: unknown[][];
  after?: unknown[][];
}

type Path = readonly string[];

const isRows = (value: unknown): value is unknown[][] => Array.isArray(value) && value.every(Array.isArray);

function isListed(value: unknown): value is ListedRows {
  if (typeof value !== "object" || value === null) return false;
  const { columns, before, after } = value as Partial<Record<string, unknown>>;
  return Array.isArray(columns) && isRows(before) && (after === undefined || isRows(after));
}

/** Says under which column's name a value of listed rows stands; null for all else. */
export function cellNamesOf(value: unknown): (path: Path) => Path | null {
  if (!isListed(value)) return () => null;
  const { columns } = value;
  return ([column = "", list = "", row = "", index = "", ...more]) => {
    if (more.length > 0 || index === "" || (list !== "before" && list !== "after")) return null;
    const name = columns[Number(index)];
    return typeof name === "string" ? [column, list, row, name] : null;
  };
}

/**
 * Leaves the columns out that nobody may read and that the action did not change: what stays can still be undone. Those
 * that it changed, that tell rows apart or that are of a row it made or took away stay, to be marked as redacted.
 */
export function withoutUnchanged(value: unknown, isHidden: (name: string) => boolean): unknown {
  if (!isListed(value)) return value;
  const { columns, before, after } = value;
  const identity = Array.isArray(value.identity) ? (value.identity as unknown[]) : [];
  if (!after || !columns.some(isHidden)) return value;
  const places = columns.flatMap((name, index) => (identity.includes(name) ? [index] : []));
  const nameOf = (row: readonly unknown[]): string => JSON.stringify(places.map((index) => row[index]));
  const became = new Map(after.map((row) => [nameOf(row), row]));
  if (before.length !== after.length || !before.every((row) => became.has(nameOf(row)))) return value;
  const isUnchanged = (index: number): boolean =>
    before.every((row) => isDeepStrictEqual(row[index], became.get(nameOf(row))?.[index]));
  const kept = columns.flatMap((name, index) =>
    isHidden(name) && !identity.includes(name) && isUnchanged(index) ? [] : [index],
  );
  const only = (list: readonly unknown[]): unknown[] => kept.map((index) => list[index]);
  return { ...value, columns: only(columns), before: before.map(only), after: after.map(only) };
}
