import type { ActionRecord } from "../../ledger/record.ts";
import type { UndoContext } from "../undo-function.ts";

/** A way to take an action back other than by its rows. Both reject with UndoFailed. */
export interface Compensator {
  undo(record: ActionRecord, context: UndoContext): Promise<void>;
  /** What is there now, to be held against `before` and `after`; null where nothing can look. */
  state: ((record: ActionRecord, context: UndoContext) => Promise<unknown>) | null;
}

/** How long an undo, or a look, may take. */
export const LIMIT_MS = 30_000;
