import type { Clock } from "../values/clock.ts";
import type { Limits } from "./limits.ts";
import { namedOutcome } from "./probe.ts";
import type { Prober } from "./prober.ts";

/** What the steady phase showed before anything was pulled (contract, 2.4 step 1). */
export interface Steady {
  /** Trace of the first probe write that was accepted. */
  firstTrace: string;
  /** Instances seen accepting. */
  instances: string[];
  /** Monotonic: when the last probe was started. */
  lastStart: number;
}

export interface SteadyOptions {
  clock: Clock;
  limits: Limits;
  /** How many instances are waited for; null where they are not told apart. */
  expected: number | null;
  /** What is about to happen, for the reason: `the switch was pulled`. */
  before: string;
  /** No shorter than this; work under way needs its lead. */
  leastMs?: number;
  /** Done once all else holds, while probes go on; it may say why the pull must not be. */
  prepare(): Promise<string | null>;
}

/**
 * Probes until every write was accepted for long enough, by every instance that shows up, and all is prepared; or says why
 * nothing can be proven. Throws Interrupted.
 */
export async function steadyState(prober: Prober, options: SteadyOptions): Promise<Steady | { why: string }> {
  const { clock, limits, expected, leastMs = 0 } = options;
  const began = clock.monotonic();
  const instances = new Set<string>();
  let firstTrace: string | null = null;
  let preparing: Preparation | null = null;
  let sent = 0;
  const refusals: string[] = [];
  for (;;) {
    const probed = await prober.next();
    sent += 1;
    if (probed.heard.kind === "accepted") {
      firstTrace ??= probed.traceId;
      if (probed.instance !== null) instances.add(probed.instance);
    } else refusals.push(namedOutcome(probed));
    if (probed.heard.kind === "neither") return { why: refusedWords(refusals, sent, options.before) };
    const passed = clock.monotonic() - began;
    if (passed < Math.max(limits.steady, leastMs)) continue;
    if (refusals.length > 0 || firstTrace === null) return { why: refusedWords(refusals, sent, options.before) };
    // Those that never show up are missing among the stopped as well, and are named there.
    if (expected !== null && instances.size < expected && passed < limits.steadyLongest) continue;
    preparing ??= prepared(options.prepare());
    if (preparing.outcome === undefined) continue;
    if (preparing.outcome !== null) throwOrTell(preparing.outcome);
    if (typeof preparing.outcome === "string") return { why: preparing.outcome };
    return { firstTrace, instances: [...instances], lastStart: probed.sentAt };
  }
}

/** `undefined` while it goes on. */
interface Preparation {
  outcome: undefined | string | null | { thrown: unknown };
}

function prepared(promise: Promise<string | null>): Preparation {
  const preparation: Preparation = { outcome: undefined };
  promise.then(
    (why) => (preparation.outcome = why),
    (thrown: unknown) => (preparation.outcome = { thrown }),
  );
  return preparation;
}

function throwOrTell(outcome: string | { thrown: unknown }): void {
  if (typeof outcome === "object") throw outcome.thrown;
}

function refusedWords(outcomes: readonly string[], sent: number, before: string): string {
  const first = outcomes[0] ?? "no answer";
  if (outcomes.length < sent) {
    return `${outcomes.length} of ${sent} probe writes were not accepted before ${before} (${first})`;
  }
  const which = sent > 1 ? "every probe write" : "the probe write";
  return `the agent did not accept ${which} before ${before} (${first})`;
}
