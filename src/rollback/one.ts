import type { ActionRecord } from "../ledger/record.ts";
import { holdsRedacted } from "../ledger/sealing.ts";
import type { Compensator } from "./compensators/compensator.ts";
import { LIMIT_MS } from "./compensators/compensator.ts";
import { makeKey } from "./idempotency.ts";
import { compareState } from "./plan.ts";
import type { Outcome } from "./outcome.ts";
import { UndoFailed } from "./undo-function.ts";

/** A state may take a moment to show what was done; milliseconds between looks. */
const LOOK_AGAIN_MS = [0, 250, 1_000] as const;

export interface OneOptions {
  forced: boolean;
  /** An earlier run broke off at it. */
  resumed: boolean;
  idempotent: boolean;
  /** Of one undo and of one look; milliseconds. */
  limitMs?: number;
}

type Looked = "before" | "after" | "neither" | "unrecorded" | { why: string };

/** Takes one action back by its compensator: looks, does it once, reads back, compares. Never throws UndoFailed. */
export async function undoOne(record: ActionRecord, compensator: Compensator, options: OneOptions): Promise<Outcome> {
  const before = await lookFirst(record, compensator, options);
  if (before !== null) return before;
  try {
    await compensator.undo(record, contextOf(record, options));
  } catch (error) {
    if (!(error instanceof UndoFailed)) throw error;
    return afterFailure(error, record, compensator, options);
  }
  return readBack(record, compensator, options);
}

const contextOf = (record: ActionRecord, { limitMs = LIMIT_MS }: OneOptions) => ({
  signal: AbortSignal.timeout(limitMs),
  idempotencyKey: makeKey(record),
});

async function look(record: ActionRecord, { state }: Compensator, options: OneOptions): Promise<Looked> {
  if (state === null) return { why: "nothing can look" };
  try {
    return compareState(record, await state(record, contextOf(record, options)));
  } catch (error) {
    if (error instanceof UndoFailed) return { why: `its state could not be read: ${error.message}` };
    throw error;
  }
}

/** Null where it is to be done. */
async function lookFirst(record: ActionRecord, compensator: Compensator, options: OneOptions): Promise<Outcome | null> {
  if (compensator.state === null) {
    if (!options.resumed || options.idempotent || options.forced) return null;
    return { kind: "unknown", why: "an earlier run broke off at it, and nothing can look whether it was done" };
  }
  const looked = await look(record, compensator, options);
  const hasEnded = record.status === "done" || record.after !== undefined;
  if (looked === "before") return { kind: hasEnded || options.resumed ? "already" : "did not happen" };
  if (looked === "after" || options.forced) return null;
  if (typeof looked === "object") return { kind: "failed", why: looked.why };
  if (looked === "unrecorded" && hasEnded) {
    // Of what it left nothing is known: whether an earlier run has done it cannot be seen either.
    if (!options.resumed || options.idempotent) return null;
    return { kind: "unknown", why: "an earlier run broke off at it, and no `after` tells whether it was done" };
  }
  return {
    kind: "conflict",
    why: hasEnded ? "its state was changed since" : "it never ended, and its state is not as before",
  };
}

async function afterFailure(
  error: UndoFailed,
  record: ActionRecord,
  compensator: Compensator,
  options: OneOptions,
): Promise<Outcome> {
  if (!error.uncertain) return { kind: "failed", why: error.message };
  if (compensator.state !== null && (await look(record, compensator, options)) === "before") return { kind: "undone" };
  if (options.idempotent || compensator.state !== null) return { kind: "failed", why: error.message };
  return { kind: "unknown", why: `${error.message}: it may have been done all the same` };
}

async function readBack(record: ActionRecord, compensator: Compensator, options: OneOptions): Promise<Outcome> {
  if (compensator.state === null) return { kind: "unverified", why: "nothing can look whether it is back" };
  if (record.before === undefined) return { kind: "unverified", why: "no `before` was recorded to compare with" };
  if (holdsRedacted(record.before)) return { kind: "unverified", why: "its `before` was redacted: nothing to compare" };
  let looked: Looked = "neither";
  for (const pause of LOOK_AGAIN_MS) {
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    looked = await look(record, compensator, options);
    if (looked === "before") return { kind: "undone" };
  }
  if (typeof looked === "object") return { kind: "unverified", why: looked.why };
  return { kind: "failed", why: "it said that it was done, and what is there is not what was before" };
}
