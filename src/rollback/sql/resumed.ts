import type { Cell, Image, Row } from "./image.ts";
import type { Seen } from "./task.ts";

/**
 * A run that broke off may have committed a whole batch and not come to say so. A row that several of its actions changed
 * is then as it was before the oldest of them, which to the newer ones looks like somebody else's change.
 */

/** What each of these tasks, newest first, would find had they all been undone: by task, rows by what identifies them. */
export function goalsOf(resumed: readonly Seen[]): Map<string, Image> {
  const goals = new Map<string, Image>();
  /** Of each row what the tasks so far found, and what it was before the oldest of them. */
  const reached = new Map<string, { from: Row; goal: Row }>();
  for (const { task, before, after } of resumed.toReversed()) {
    if (after === null) continue;
    const own = new Map<string, Row>();
    for (const row of new Set([...before.keys(), ...after.keys()])) {
      const [was, became] = [before.get(row) ?? null, after.get(row) ?? null];
      const older = reached.get(row);
      const goal = older ? linked(was, older) : was;
      own.set(row, goal);
      reached.set(row, { from: became, goal });
    }
    goals.set(task.id, own);
  }
  return goals;
}

/** Cells that the older actions left as this one found them go back with those; the others are this one's own. */
function linked(was: Row, { from, goal }: { from: Row; goal: Row }): Row {
  if (was === null || goal === null) return goal;
  const cells = Object.entries(was).map(([column, cell]): [string, Cell] => {
    return from !== null && from[column] === cell ? [column, goal[column] ?? null] : [column, cell];
  });
  return Object.fromEntries(cells);
}

/** What is there now, with what has gone all the way back shown as this task would have left it. */
export function asThoughBack(now: Image, before: Image, goal: Image): Image {
  return new Map(
    [...now].map(([id, row]): [string, Row] => {
      const [was, end] = [before.get(id) ?? null, goal.get(id) ?? null];
      if (!goal.has(id) || was === null) return [id, row];
      if (row === null || end === null) return [id, row === end ? was : row];
      const cells = Object.entries(row).map(([column, cell]): [string, Cell] => {
        return column in was && cell === end[column] ? [column, was[column] ?? null] : [column, cell];
      });
      return [id, Object.fromEntries(cells)];
    }),
  );
}
