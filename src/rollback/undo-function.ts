import type { ActionRecord } from "../ledger/record.ts";

/** What a function that takes an action back is given beside its record. */
export interface UndoContext {
  /** Aborted when its time is over. */
  signal: AbortSignal;
  /** The same whenever this action is taken back: whoever is asked twice can know it. */
  idempotencyKey: string;
}

/**
 * Takes one action back; resolves when it is done, rejects where it is not. It may carry what clawproof.yaml says of other
 * forms: `state` tells what is there now, to compare with `before` and `after`.
 */
export interface UndoFunction {
  (record: ActionRecord, context: UndoContext): Promise<unknown>;
  state?: ((record: ActionRecord, context: UndoContext) => Promise<unknown>) | undefined;
  idempotent?: boolean | undefined;
  residue?: string | undefined;
}

/** Undo functions by action type, as `guard.undoHandlers()` gives them. */
export type UndoFunctions = ReadonlyMap<string, UndoFunction>;

/** An undo, or a look at a state, that did not succeed; the message is for a person and holds no secret. */
export class UndoFailed extends Error {
  override name = "UndoFailed";
  /** It may have been done all the same: no answer came, or half of one. */
  readonly uncertain: boolean;
  constructor(why: string, uncertain = false) {
    super(why);
    this.uncertain = uncertain;
  }
}
