import type { Table } from "./catalog.ts";
import type { Change, Image, Row } from "./image.ts";

/**
 * Changes of one action in a table whose rows point at each other, in an order that leaves none pointing at nothing: what
 * is pointed at comes back first and goes last. Else they stay in theirs.
 */
export function inKinship(
  { name, references }: Table,
  changes: readonly Change[],
  before: Image,
  now: Image,
): Change[] {
  const own = references.filter(({ shown }) => shown === name);
  if (own.length === 0 || changes.length < 2) return [...changes];
  /** What must be done before a change. */
  const first = new Map<Change, Change[]>(changes.map((change) => [change, []]));
  for (const { columns, parentColumns } of own) {
    const made = byKey(changes, "delete", now, parentColumns);
    const taken = byKey(changes, "insert", before, parentColumns);
    for (const change of changes) {
      const leaves = change.kind === "insert" ? undefined : made.get(keyOf(now.get(change.row), columns));
      if (leaves) first.get(leaves)?.push(change);
      const joins = change.kind === "delete" ? undefined : taken.get(keyOf(before.get(change.row), columns));
      if (joins) first.get(change)?.push(joins);
    }
  }
  const ordered = new Set<Change>();
  const visiting = new Set<Change>();
  const visit = (change: Change): void => {
    // A circle has no such order, and a row may point at itself.
    if (visiting.has(change)) return;
    visiting.add(change);
    for (const other of first.get(change) ?? []) visit(other);
    ordered.add(change);
  };
  for (const change of changes) visit(change);
  return [...ordered];
}

/** The rows that will not point any more at what they point at now, once these changes of one action are made. */
export function leavers(
  { name, references }: Pick<Table, "name" | "references">,
  changes: readonly Change[],
): Set<string> {
  const pointing = new Set(references.flatMap(({ shown, columns }) => (shown === name ? columns : [])));
  const leaves = (change: Change): boolean =>
    change.kind === "delete" || (change.kind === "update" && change.columns.some((column) => pointing.has(column)));
  return new Set(changes.filter(leaves).map(({ row }) => row));
}

function byKey(
  changes: readonly Change[],
  kind: Change["kind"],
  image: Image,
  columns: readonly string[],
): Map<string, Change> {
  const some = changes.filter((change) => change.kind === kind);
  return new Map(some.map((change) => [keyOf(image.get(change.row), columns), change]));
}

/** Keys with a NULL point at nothing; taken for equal they only put changes in an order that does no harm. */
const keyOf = (row: Row | undefined, columns: readonly string[]): string =>
  JSON.stringify(columns.map((column) => row?.[column] ?? null));
