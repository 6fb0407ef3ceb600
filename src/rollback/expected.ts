import type { ActionRecord } from "../ledger/record.ts";
import type { Change, Image, Row } from "./sql/image.ts";
import { targetOf } from "./step.ts";

/**
 * What will be there once the newer steps of a plan are undone, and what none of them may touch. A plan may be long, so
 * that of each row no more is kept than what will be restored in it.
 */
export class Expected {
  /** By database and row: the cells that newer steps restore, or null where they delete the row. */
  readonly #rows = new Map<string, Map<string, Row>>();
  /** What somebody changed or put back from newer actions, by database. */
  readonly #back = new Map<string, Set<string>>();
  /** What states will be, by type and target. */
  readonly #states = new Map<string, unknown>();
  /** Types that newer steps undo, by target; targets with the same types share their set. */
  readonly #undone = new Map<string, ReadonlySet<string>>();
  readonly #sets = new Map<string, ReadonlySet<string>>();
  /** Targets on which a newer action stays. */
  readonly #left = new Set<string>();

  /** Rows as they will be, of rows as they are now. */
  rows(database: string, now: Image): Image {
    const rows = this.#rows.get(database);
    if (rows === undefined) return now;
    return new Map(
      [...now].map(([row, is]) => {
        const restored = rows.get(row);
        if (restored === undefined) return [row, is];
        return [row, restored === null ? null : { ...is, ...restored }];
      }),
    );
  }

  restore(database: string, changes: readonly Change[], before: Image): void {
    const rows = madeIn(this.#rows, database, () => new Map<string, Row>());
    for (const change of changes) {
      const was = change.kind === "delete" ? null : (before.get(change.row) ?? null);
      if (change.kind !== "update" || was === null) rows.set(change.row, was);
      else {
        const cells = Object.fromEntries(change.columns.map((column) => [column, was[column] ?? null]));
        const newer = rows.get(change.row);
        rows.set(change.row, newer ? { ...newer, ...cells } : cells);
      }
    }
  }

  isDeleted(database: string, row: string): boolean {
    return this.#rows.get(database)?.get(row) === null;
  }

  /** The cells of a database that are somebody else's, to be added to. */
  back(database: string): Set<string> {
    return madeIn(this.#back, database, () => new Set<string>());
  }

  /** The state of an action's target as it will be, of what it is now. */
  state(record: ActionRecord, now: unknown): unknown {
    const key = stateKey(record);
    return this.#states.has(key) ? this.#states.get(key) : now;
  }

  restoreState(record: ActionRecord): void {
    if (record.before !== undefined) this.#states.set(stateKey(record), record.before);
  }

  /** Other types of actions that are undone on the same target. */
  othersOn(record: ActionRecord): string[] {
    return [...(this.#undone.get(targetOf(record)) ?? [])].filter((type) => type !== record.type);
  }

  undo(record: ActionRecord): void {
    const target = targetOf(record);
    const types = new Set([...(this.#undone.get(target) ?? []), record.type]);
    const key = JSON.stringify([...types]);
    this.#undone.set(
      target,
      madeIn(this.#sets, key, () => types),
    );
  }

  /** A conflict: the action stays on its target. */
  leave(action: Pick<ActionRecord, "target" | "id">): void {
    this.#left.add(targetOf(action));
  }

  /** Whether a newer action on the same target stays. */
  isLeftOn(record: ActionRecord): boolean {
    return this.#left.has(targetOf(record));
  }
}

function madeIn<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

const stateKey = (record: ActionRecord): string => JSON.stringify([record.type, targetOf(record)]);
