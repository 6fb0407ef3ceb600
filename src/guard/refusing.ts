import type { Core } from "./core.ts";
import type { RefusalReason } from "./decide.ts";
import { fallbackText } from "./fallback.ts";
import type { Lane } from "./lane.ts";
import { refusalMessage, type Refusal } from "./refusal.ts";

/** When it makes sense to ask again, where a person has to act first. */
const A_PERSON_SECONDS = 60;

/** Everything that a refused call is told. */
export function refusalOf(
  core: Core,
  lane: Lane,
  type: string,
  reason: RefusalReason,
  locales: readonly string[] = [],
): Refusal {
  const { agent, fallback } = core.settings;
  return {
    agent,
    type,
    reason,
    mode: core.modeOf(lane),
    message: refusalMessage(agent, type, reason, why(lane, reason)),
    fallback: fallbackText(fallback, { type, reason, locales }),
    retryAfterSeconds: retryAfter(core, lane, reason),
  };
}

/** Who gave the order and why, or which signal opened the breaker. */
function why({ orders, breaker, typeBreaker }: Lane, reason: RefusalReason): string | undefined {
  if (reason === "lost" || reason === "never-heard" || reason === "ledger") return undefined;
  const order = orders.findLast(({ cause }) => (reason === "breaker") === (cause === "breaker"));
  if (order) return `order ${order.epoch} by ${order.by}: ${order.reason}`;
  for (const { state } of typeBreaker === null ? [breaker] : [typeBreaker, breaker]) {
    if (state.name !== "closed") return state.opening.signal.replaceAll("-", " ");
  }
  return undefined;
}

function retryAfter({ settings, times }: Core, { breaker }: Lane, reason: RefusalReason): number {
  if (reason === "lost" || reason === "never-heard") return Math.max(1, Math.ceil(settings.leaseMs / 1_000));
  const { state } = breaker;
  if (reason !== "breaker" || state.name !== "open" || breaker.settings.resume === "review") return A_PERSON_SECONDS;
  return Math.max(1, Math.round((state.opening.openedAt + breaker.settings.cooldownMs - times.monotonic) / 1_000));
}
