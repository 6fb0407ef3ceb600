import type { Call } from "../config/call.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { describeCall } from "../doors/send.ts";
import type { KillSample } from "../evidence/facts.ts";
import { LogUnread } from "../evidence/switch-log.ts";
import type { Clock } from "../values/clock.ts";
import type { Limits } from "./limits.ts";
import { pause } from "./pause.ts";
import { answerOf } from "./probe.ts";
import { fillingOf, type Order, ourEntry, readEntries } from "./switch-order.ts";

/** Where the rehearsal left its mark: the switch's log and the alerts (contract, 2.4 step 4). */

export interface Traces {
  order: Order;
  clock: Clock;
  limits: Limits;
  signal: AbortSignal;
}

/** Looks for an alert with our mark until there is one, from the pull (monotonic) on. Never throws what is known. */
export async function waitForAlert(
  { order, clock, limits, signal }: Traces,
  pulledAt: number,
): Promise<KillSample["alert"]> {
  const receipts = order.project.config.alerting?.receipts;
  if (!receipts) return { missing: "alerting.receipts is not configured" };
  const { within: withinMs = limits.receipts, ...call } = receipts;
  const context = contextOf(order.project, fillingOf(order, "alerts"), { signal });
  const source = await describeCall(call, context);
  for (;;) {
    const answer = await answerOf({ ...call, timeout: call.timeout ?? withinMs }, context);
    if (holds(answer, order.mark)) return { afterMs: Math.max(0, answer.arrivedAt - pulledAt), source };
    const left = pulledAt + withinMs - clock.monotonic();
    if (left <= 0 || signal.aborted) {
      const why = unread(answer, call);
      return why === null
        ? { missing: `none with the mark within ${withinMs / 1_000} s` }
        : { unread: `${source}: ${why}` };
    }
    await pause(Math.min(limits.look, left), signal);
  }
}

function holds(answer: Answer | CallFailed, mark: string): answer is Answer {
  if (answer instanceof CallFailed) return false;
  return (answer.via === "http" ? answer.text : answer.stdout).includes(mark);
}

function unread(answer: Answer | CallFailed, call: Call): string | null {
  if (answer instanceof CallFailed) return answer.why;
  const match = matches(answer, call.expect);
  return match.met ? null : match.why;
}

/** Looks for our entry in the switch's own log, as long as an alert is waited for. */
export async function waitForEntry(
  { order, clock, limits, signal }: Traces,
  before: readonly string[] | null,
  pulledAt: number,
): Promise<KillSample["log"]> {
  for (;;) {
    const looked = await lookAtLog(order, before ?? [], signal);
    if ("entry" in looked) return looked;
    const left = pulledAt + limits.receipts - clock.monotonic();
    if (before === null || left <= 0 || signal.aborted) return looked;
    await pause(Math.min(limits.look, left), signal);
  }
}

async function lookAtLog(order: Order, before: readonly string[], signal: AbortSignal): Promise<KillSample["log"]> {
  try {
    const entries = await readEntries(order, signal);
    if (entries === null) return { missing: "killSwitch.log is not configured" };
    const entry = ourEntry(order, entries, before);
    return entry ? { entry } : { missing: "no entry carries the mark of this rehearsal" };
  } catch (error) {
    if (error instanceof LogUnread) return { unread: error.why };
    throw error;
  }
}
