/**
 * What rows held before and after an action, what they hold now, and what follows: pure, and the same for rows of every
 * database and for a state that a request answers with. A value is text in the database's own form, or null.
 */

export type Cell = string | null;
/** A row by column; null where there is no such row. */
export type Row = Readonly<Record<string, Cell>> | null;
/** Rows by what identifies them. */
export type Image = ReadonlyMap<string, Row>;

/** One thing to put back. */
export type Change =
  | { kind: "update"; row: string; columns: readonly string[] }
  /** The action inserted it. */
  | { kind: "delete"; row: string }
  /** The action deleted it. */
  | { kind: "insert"; row: string };

/** A value that is neither what the action left nor what was there before it. `column` is null for the row itself. */
export interface Foreign {
  row: string;
  column: string | null;
  words: string;
}

export interface Difference {
  /** What the action changed at all. */
  changed: number;
  /** What is still as the action left it, and is to be put back. */
  ours: readonly Change[];
  /** What somebody changed since. */
  foreign: readonly Foreign[];
  /** What undoing all that was asked would do whatever stands there now: for a person who forces it. */
  forced: readonly Change[];
  /**
   * What somebody changed or put back since, and what a conflict leaves standing, as `cellKey` spells it: to older actions
   * it is somebody else's, also where it happens to be what they left.
   */
  back: readonly string[];
}

/** A cell, or with null a row as a whole. */
export const cellKey = (row: string, column: string | null): string => `${row}\u0000${column ?? ""}`;

type Held = (row: string, column: string | null) => boolean;

/**
 * Holds an action against what is there now. Only what the action changed is looked at; `leftOut` columns never are
 * (generated ones, and those that the table keeps by itself). What somebody changed or put `back` from newer actions is
 * theirs, also where it happens to be what this one left.
 */
export function differenceOf(
  before: Image,
  after: Image,
  now: Image,
  leftOut: ReadonlySet<string>,
  back: ReadonlySet<string> = new Set(),
): Difference {
  const held: Held = (row, column) => back.size > 0 && (back.has(cellKey(row, null)) || back.has(cellKey(row, column)));
  const found: Difference[] = [];
  const made = [...after.keys()].filter((row) => !before.has(row));
  for (const row of [...before.keys(), ...made]) {
    const was = before.get(row) ?? null;
    const became = after.get(row) ?? null;
    const is = now.get(row) ?? null;
    if (was !== null && became !== null) found.push(ofUpdate(row, was, became, is, leftOut, held));
    else if (became !== null) found.push(ofInsert(row, became, is, leftOut, held));
    else if (was !== null) found.push(ofDelete(row, was, is, leftOut, held));
  }
  const [only = UNCHANGED] = found;
  // One row is what most actions are about.
  if (found.length <= 1 && only.foreign.length === 0) return only;
  return {
    changed: found.reduce((sum, one) => sum + one.changed, 0),
    ours: inOrder(found.flatMap((one) => one.ours)),
    foreign: found.flatMap((one) => one.foreign),
    forced: inOrder(found.flatMap((one) => one.forced)),
    back: [
      ...found.flatMap((one) => [...one.back, ...one.foreign.map(({ row, column }) => cellKey(row, column))]),
      ...(found.some(({ foreign }) => foreign.length > 0) ? standing(before, after, leftOut) : []),
    ],
  };
}

/** An action in conflict stays, and with it all that it changed: an older one must not undo what lies under it. */
function standing(before: Image, after: Image, leftOut: ReadonlySet<string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((row) => {
    const [was, became] = [before.get(row) ?? null, after.get(row) ?? null];
    if (was === null || became === null) return [cellKey(row, null)];
    const columns = Object.keys(was).filter((column) => !leftOut.has(column) && was[column] !== became[column]);
    return columns.map((column) => cellKey(row, column));
  });
}

const ORDER = ["delete", "update", "insert"] as const;

/** A row that the action made may hold what is unique in the one that it took away. */
const inOrder = (changes: readonly Change[]): Change[] =>
  [...changes].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));

type Whole = NonNullable<Row>;
const UNCHANGED: Difference = { changed: 0, ours: [], foreign: [], forced: [], back: [] };

const putBack = (row: string, column: string | null, is: Row): Foreign => ({
  row,
  column,
  words:
    column === null
      ? "somebody took back what came after, or it stays"
      : `${column} was put back to ${shown(is?.[column])} by somebody, or by a newer action that stays`,
});

function ofUpdate(
  row: string,
  was: Whole,
  became: Whole,
  is: Row,
  leftOut: ReadonlySet<string>,
  held: Held,
): Difference {
  const columns = Object.keys(was).filter((column) => !leftOut.has(column) && was[column] !== became[column]);
  if (columns.length === 0) return UNCHANGED;
  if (is === null) {
    const foreign = [{ row, column: null, words: "it was deleted since" }];
    return { changed: columns.length, ours: [], foreign, forced: [{ kind: "insert", row }], back: [] };
  }
  // What is back already is left alone.
  const differing = columns.filter((column) => is[column] !== was[column]);
  const left = differing.filter((column) => is[column] === became[column]);
  const foreign = [
    ...columns.flatMap((column) => foreignCell(row, column, [was[column], became[column]], is)),
    ...left.filter((column) => held(row, column)).map((column) => putBack(row, column, is)),
  ];
  const toRestore = left.filter((column) => !held(row, column));
  return {
    changed: columns.length,
    ours: toRestore.length === 0 ? [] : [{ kind: "update", row, columns: toRestore }],
    foreign,
    forced: differing.length === 0 ? [] : [{ kind: "update", row, columns: differing }],
    back: columns.filter((column) => is[column] === was[column]).map((column) => cellKey(row, column)),
  };
}

function ofInsert(row: string, became: Whole, is: Row, leftOut: ReadonlySet<string>, held: Held): Difference {
  if (is === null) return { ...UNCHANGED, changed: 1, back: [cellKey(row, null)] };
  const columns = Object.keys(became).filter((column) => !leftOut.has(column));
  const foreign = columns.flatMap((column) => foreignCell(row, column, [became[column]], is));
  foreign.push(...columns.filter((column) => held(row, column)).map((column) => putBack(row, column, is)));
  // A column that came with a later version of the table, and in which somebody has written since.
  const added = Object.keys(is).filter((column) => !(column in became) && !leftOut.has(column) && is[column] !== null);
  foreign.push(...added.map((column) => ({ row, column, words: `${column} is new and holds ${shown(is[column])}` })));
  const change: Change = { kind: "delete", row };
  return { changed: 1, ours: foreign.length > 0 ? [] : [change], foreign, forced: [change], back: [] };
}

function ofDelete(row: string, was: Whole, is: Row, leftOut: ReadonlySet<string>, held: Held): Difference {
  const change: Change = { kind: "insert", row };
  if (is === null) {
    const isHeld = held(row, null);
    const foreign = isHeld ? [putBack(row, null, is)] : [];
    return { changed: 1, ours: isHeld ? [] : [change], foreign, forced: [change], back: [] };
  }
  const columns = Object.keys(was).filter((column) => !leftOut.has(column));
  const differing = columns.filter((column) => is[column] !== was[column]);
  if (differing.length === 0) return { ...UNCHANGED, changed: 1, back: [cellKey(row, null)] };
  const words = `somebody put another row in its place (${differing.join(", ")} differ)`;
  return {
    changed: 1,
    ours: [],
    foreign: [{ row, column: null, words }],
    forced: [{ kind: "update", row, columns: differing }],
    back: [],
  };
}

function foreignCell(row: string, column: string, ours: readonly (Cell | undefined)[], is: Whole): Foreign[] {
  if (!(column in is)) return [{ row, column, words: `${column} is no column any more` }];
  if (ours.includes(is[column])) return [];
  const left = ours.at(-1);
  return [{ row, column, words: `${column} is ${shown(is[column])} now, and was left at ${shown(left)}` }];
}

const LONGEST = 40;

/** A value as messages show it. */
export function shown(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return "NULL";
  return cell.length > LONGEST ? `${cell.slice(0, LONGEST)}…` : cell;
}

/** The rows that these changes touch, as they will be once they are made. */
export function applied(now: Image, changes: readonly Change[], before: Image): Map<string, Row> {
  const next = new Map<string, Row>();
  for (const change of changes) {
    const was = before.get(change.row) ?? null;
    if (change.kind === "delete") next.set(change.row, null);
    else if (change.kind === "insert") next.set(change.row, was);
    else {
      const columns = change.columns.map((column) => [column, was?.[column] ?? null] as const);
      next.set(change.row, { ...now.get(change.row), ...Object.fromEntries(columns) });
    }
  }
  return next;
}

/** Whether everything that is known of `before` is there now: then there is nothing to take back. */
export function isAsBefore(before: Image, now: Image, leftOut: ReadonlySet<string>): boolean {
  return [...new Set([...before.keys(), ...now.keys()])].every((row) => {
    const [was, is] = [before.get(row) ?? null, now.get(row) ?? null];
    if (was === null || is === null) return was === is;
    return Object.keys(was).every((column) => leftOut.has(column) || was[column] === is[column]);
  });
}
