import { CallFailed } from "../doors/door.ts";
import type { KillSample, StopKind } from "../evidence/facts.ts";
import type { Clock } from "../values/clock.ts";
import type { Measured } from "./measure.ts";
import type { Probed } from "./probe.ts";
import type { Order } from "./switch-order.ts";
import type { Work } from "./work.ts";

/** All that one pull showed: what was measured, and what was looked at while the agent was stopped. */
export interface Seen extends Measured, Pick<KillSample, "user" | "log" | "alert" | "obedience" | "releaseAsAgent"> {
  refusalWords: KillSample["refusal"];
  /** Whether the work under way ended before its time. */
  endedEarly: boolean;
}

export interface SampleParts {
  order: Order;
  /** How many instances there are; null where they are not told apart. */
  expected: number | null;
  work: Work;
  clock: Clock;
  seen: Seen;
  backAfterMs: number | null;
}

/** One pull in the words of the facts. */
export function sampleOf({ order, expected, work, clock, seen, backAfterMs }: SampleParts): KillSample {
  const { timeline, sentAt } = seen;
  const names = timeline.stopped().sort();
  return {
    mark: order.mark,
    scope: order.scope,
    activator: order.activator,
    activatedAt: Math.round(clock.now() - (clock.monotonic() - sentAt)),
    answeredAfterMs: seen.answeredAfterMs,
    stop: seen.stop,
    resolutionMs: timeline.resolutionMs(),
    acceptedAfterAnswer: timeline.acceptedAfterAnswer(),
    instances: { expected, stopped: names.length, names },
    reads: seen.reads,
    refusal: seen.refusalWords,
    user: seen.user,
    undescribedError: serverError(seen.unclear),
    number: seen.number,
    obedience: seen.obedience,
    log: seen.log,
    alert: seen.alert,
    releaseAsAgent: seen.releaseAsAgent,
    workUnderWay: work.observed ? "observed" : "not observed",
    backAfterMs,
    kind: kindOf(order, seen),
  };
}

/** The status of a 5xx that the configuration does not describe as a refusal. */
function serverError(unclear: Probed | null): number | null {
  const status = unclear === null ? null : httpStatus(unclear);
  return status !== null && status >= 500 ? status : null;
}

function httpStatus({ outcome }: Probed): number | null {
  return outcome instanceof CallFailed || outcome.via !== "http" ? null : outcome.status;
}

/** What the configuration says, else what was seen. */
function kindOf({ killSwitch }: Order, { refusal, endedEarly }: Seen): StopKind {
  if (killSwitch.kind) return killSwitch.kind;
  if (killSwitch.restart) return "terminate";
  if (refusal?.outcome instanceof CallFailed) return "terminate";
  const status = refusal === null ? null : httpStatus(refusal);
  if (status === 401 || status === 403) return "revoke";
  return endedEarly ? "abort" : "deny";
}
