import { isDeepStrictEqual } from "node:util";
import type { Call } from "../config/call.ts";
import { publicUrl } from "../config/redaction.ts";
import { placeholdersIn } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { describeCall } from "../doors/send.ts";
import type { KillSample } from "../evidence/facts.ts";
import { logCallOf, LogUnread } from "../evidence/switch-log.ts";
import type { Clock } from "../values/clock.ts";
import type { Limits } from "./limits.ts";
import { newMark } from "./mark.ts";
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
  const { within: withinMs = limits.receipts, ...written } = receipts;
  if (isSwitchLog(written, order)) {
    return { missing: "alerting.receipts is the switch's own log, which holds the order and shows no alert" };
  }
  const call = { ...written, timeout: written.timeout ?? withinMs };
  const context = contextOf(order.project, fillingOf(order, "alerts"), { signal });
  const source = await describeCall(call, context);
  for (;;) {
    const answer = await answerOf(call, context);
    const seen = await isAlert(answer, call, order, signal);
    if (seen === true && !(answer instanceof CallFailed))
      return { afterMs: Math.max(0, answer.arrivedAt - pulledAt), source };
    const left = pulledAt + withinMs - clock.monotonic();
    if (left <= 0 || signal.aborted) {
      const why = whyUnread(answer, call) ?? (typeof seen === "object" ? seen.why : null);
      return why === null
        ? { missing: `none with the mark within ${withinMs / 1_000} s` }
        : { unread: `${source}: ${why}` };
    }
    await pause(Math.min(limits.look, left), signal);
  }
}

/** Every order stands in the switch's log: the mark there says nothing of an alert. */
function isSwitchLog(call: Call, { project, killSwitch }: Order): boolean {
  const log = logCallOf(project);
  if (!log) return false;
  // Our own keeps one log at one path, whatever is asked of it; at a foreign path another query may be another thing.
  const asked = (one: Call): unknown =>
    "command" in one
      ? [one.command, one.stdin]
      : ["provider" in killSwitch ? publicUrl(one.url) : one.url, one.method ?? "GET", one.json, one.body];
  return isDeepStrictEqual(asked(call), asked(log));
}

/** Whether an answer shows an alert with our mark; `why` where an answer that has the mark could not be held against another. */
async function isAlert(
  answer: Answer | CallFailed,
  call: Call,
  order: Order,
  signal: AbortSignal,
): Promise<boolean | { why: string }> {
  // An error that names what was asked for is no receipt.
  if (whyUnread(answer, call) !== null) return false;
  const times = timesIn(answer, order.mark);
  if (times === 0 || !placeholdersIn(call).some((name) => name === "mark" || name === "reason")) return times > 0;
  // Who is asked for the mark may repeat it, alert or none: then a mark that nobody has seen comes back just as often.
  const other = { ...order, mark: newMark() };
  const echo = await answerOf(call, contextOf(order.project, fillingOf(other, "alerts"), { signal }));
  if (echo instanceof CallFailed) return { why: `asked for a mark that nobody has seen: ${echo.why}` };
  return times > timesIn(echo, other.mark);
}

function timesIn(answer: Answer | CallFailed, mark: string): number {
  if (answer instanceof CallFailed) return 0;
  return (answer.via === "http" ? answer.text : answer.stdout).split(mark).length - 1;
}

function whyUnread(answer: Answer | CallFailed, call: Call): string | null {
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
