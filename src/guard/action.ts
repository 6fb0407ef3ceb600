import type { ActionGate } from "./action-gate.ts";
import type { ActionDefinition, CallOptions, GuardedAction } from "./action-types.ts";

const NOTHING_GIVEN: CallOptions = {};

/** The path of every action that is not recorded. */
export function guardedAction<Input, Result>(
  gate: ActionGate,
  run: ActionDefinition<Input, Result>["run"],
): GuardedAction<Input, Result> {
  return async function guarded(input: Input, given: CallOptions = NOTHING_GIVEN): Promise<Result> {
    const call = gate.admit(input, given);
    if (typeof call === "string") return gate.refuse(gate.laneOf(given), call) as Result;
    const reason = gate.confirm(call, false);
    if (reason !== null) return gate.refuse(call.lane, reason) as Result;
    gate.begun(call);
    let result: Result;
    try {
      result = await run(input, call);
    } catch (error) {
      gate.failed(call, error);
      throw error;
    }
    gate.done(call);
    return result;
  };
}
