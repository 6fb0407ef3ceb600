import { CallFailed } from "../doors/door.ts";
import type { StateMessage } from "../switch/protocol/messages.ts";
import type { Mode } from "../switch/protocol/mode.ts";
import type { Order } from "../switch/protocol/order.ts";
import { askOwn, readAnswer, unanswered } from "./own.ts";
import type { OwnTarget } from "./target.ts";

/** The state of a switch of ours, with what holds for one scope where that was asked. */
export type StateAnswer = StateMessage & Partial<{ scope: string; mode: Mode; stopped: boolean; covering: Order[] }>;

/** A state and the mark to ask for a newer one with. */
export interface Heard {
  state: StateAnswer;
  etag: string | null;
}

/** The state now; null where it is still the one of `etag`. Throws SwitchProblem. */
export async function readState(
  target: OwnTarget,
  scope: string | null,
  { etag = null, signal }: { etag?: string | null; signal?: AbortSignal } = {},
): Promise<Heard | null> {
  const path = `/v1/state${scope === null ? "" : `?scope=${encodeURIComponent(scope)}`}`;
  const headers: Record<string, string> = etag === null ? {} : { "if-none-match": etag };
  const answer = await askOwn(target, { path, headers, signal }).catch((error: unknown) => {
    if (error instanceof CallFailed) throw unanswered(target, error.why);
    throw error;
  });
  if (answer.status === 304) return null;
  const { body } = readAnswer<StateAnswer>(answer, "orders");
  return { state: body, etag: answer.headers["etag"] ?? null };
}
