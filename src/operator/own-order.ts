import { randomUUID } from "node:crypto";
import { CallFailed, type FailureKind } from "../doors/door.ts";
import { limitWords } from "../doors/words.ts";
import { pause } from "../rehearsal/pause.ts";
import type { KillRequest, OrderAnswer, ReleaseRequest } from "../switch/protocol/messages.ts";
import type { Clock } from "../values/clock.ts";
import { ANSWER_WITHIN_MS, askOwn, readAnswer, unanswered } from "./own.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

const RETRY_AFTER_MS = 200;

/** Failures that asking again mends in no time. */
const LASTING = new Set<FailureKind>(["missing-secret", "redirect", "certificate", "too-large", "aborted"]);

export type OrderRequest = { path: "/v1/kill"; json: KillRequest } | { path: "/v1/release"; json: ReleaseRequest };

/**
 * Gives one order, again and again within 5 s where nothing answers: its idempotency key makes that one order. No
 * interrupt cuts it off, because nobody could tell then whether it stands. Throws SwitchProblem.
 */
export async function giveOrder(target: OwnTarget, request: OrderRequest, clock: Clock): Promise<OrderAnswer> {
  const headers = { "idempotency-key": randomUUID() };
  const deadline = clock.monotonic() + ANSWER_WITHIN_MS;
  for (;;) {
    const problem = await tryOrder(target, { ...request, headers, timeoutMs: deadline - clock.monotonic() });
    if (!("problem" in problem)) return problem;
    if (problem.isLasting) throw problem.problem;
    if (deadline - clock.monotonic() <= RETRY_AFTER_MS) {
      const { kind, message, status } = problem.problem;
      throw new SwitchProblem(kind, `${message} (tried for ${limitWords(ANSWER_WITHIN_MS)})`, status);
    }
    await pause(RETRY_AFTER_MS);
  }
}

type Tried = OrderAnswer | { problem: SwitchProblem; isLasting: boolean };

async function tryOrder(
  target: OwnTarget,
  request: OrderRequest & { headers: Record<string, string>; timeoutMs: number },
): Promise<Tried> {
  try {
    return readAnswer<OrderAnswer>(await askOwn(target, { ...request, method: "POST" }), "epoch").body;
  } catch (error) {
    if (error instanceof CallFailed)
      return { problem: unanswered(target, error.why), isLasting: LASTING.has(error.kind) };
    if (!(error instanceof SwitchProblem)) throw error;
    // A gateway in front of a switch that is being restarted says 502; the switch itself refuses for good.
    return { problem: error, isLasting: error.kind === "refused" || (error.status ?? 0) < 500 };
  }
}
