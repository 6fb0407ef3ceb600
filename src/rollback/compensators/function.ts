import type { ActionRecord } from "../../ledger/record.ts";
import { UndoFailed, type UndoContext, type UndoFunction } from "../undo-function.ts";
import type { Compensator } from "./compensator.ts";

/** A function of the agent's guard, or of a module. What it throws is that it was not done. */
export function functionCompensator(undo: UndoFunction, redact: (text: string) => string): Compensator {
  const state = undo.state;
  return {
    undo: async (record, context) => void (await called(undo, record, context, redact)),
    state: state ? async (record, context) => asJson(await called(state, record, context, redact)) : null,
  };
}

/** What a function saw, as a record holds it: a date is its text there. */
function asJson(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value ?? null)) as unknown;
  } catch (error) {
    throw new UndoFailed(
      `what it is now cannot be said as JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** One that goes on past its time is left behind: whether it does its work still, nobody knows. */
async function called(
  work: (record: ActionRecord, context: UndoContext) => Promise<unknown>,
  record: ActionRecord,
  context: UndoContext,
  redact: (text: string) => string,
): Promise<unknown> {
  let stop = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    stop = () => reject(new UndoFailed("it did not end in its time", true));
    context.signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([Promise.resolve().then(() => work(record, context)), late]);
  } catch (error) {
    if (error instanceof UndoFailed) throw error;
    throw new UndoFailed(redact(error instanceof Error ? error.message : String(error)));
  } finally {
    context.signal.removeEventListener("abort", stop);
  }
}
