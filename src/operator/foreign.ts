import type { Call } from "../config/call.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { complaintOf } from "../doors/complaint.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, CallFailed, type FailureKind } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { send } from "../doors/send.ts";
import type { SwitchLogEntry } from "../evidence/facts.ts";
import { LogUnread, readLog } from "../evidence/switch-log.ts";
import { newMark } from "../rehearsal/mark.ts";
import { pause } from "../rehearsal/pause.ts";
import { isStopped } from "../rehearsal/switch-order.ts";
import type { Clock } from "../values/clock.ts";
import { ANSWER_WITHIN_MS } from "./own.ts";
import { SwitchProblem } from "./problem.ts";
import type { ForeignTarget } from "./target.ts";

/** Orders on a switch that is not ours, by the calls that the configuration names. */

export interface ForeignOrder {
  scope: string;
  reason: string;
  activator: string;
  /** For a switch that lets orders expire by themselves; left out, nothing is filled in. */
  ttlSeconds?: number | undefined;
}

const BETWEEN_MS = 200;
/** Nobody was reached, so nothing can have been taken twice. */
const NOBODY_REACHED = new Set<FailureKind>(["gone", "not-found"]);
const REFUSED = new Set<FailureKind>(["missing-secret", "too-large"]);

/** Whether the order is given for everything, because the call has no place for a scope. */
export function knowsNoScopes({ killSwitch }: ForeignTarget): boolean {
  return !JSON.stringify(killSwitch.activate).includes("${scope}");
}

/** Sends the order that stops. Throws SwitchProblem. */
export function activateForeign(target: ForeignTarget, order: ForeignOrder, clock: Clock): Promise<void> {
  return giveForeign(target.killSwitch.activate, target, order, clock);
}

/** Sends the order that releases. Throws SwitchProblem. */
export async function releaseForeign(target: ForeignTarget, order: ForeignOrder, clock: Clock): Promise<void> {
  const { release } = target.killSwitch;
  if (!release) throw new SwitchProblem("refused", `killSwitch.release is not configured (${target.source})`);
  await giveForeign(release, target, order, clock);
}

async function giveForeign(call: Call, target: ForeignTarget, order: ForeignOrder, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + ANSWER_WITHIN_MS;
  for (;;) {
    const timeout = call.timeout ?? Math.max(1, Math.ceil(deadline - clock.monotonic()));
    const outcome = await tryCall({ ...call, timeout }, target, order);
    if (!(outcome instanceof CallFailed)) {
      checkTaken(outcome, call);
      return;
    }
    const isLast = !NOBODY_REACHED.has(outcome.kind) || deadline - clock.monotonic() <= BETWEEN_MS;
    if (isLast) throw new SwitchProblem(isOurFault(outcome) ? "refused" : "unanswered", wordsFor(outcome));
    await pause(BETWEEN_MS);
  }
}

async function tryCall(call: Call, { project }: ForeignTarget, order: ForeignOrder): Promise<Answer | CallFailed> {
  const { scope, reason, activator, ttlSeconds } = order;
  const filling: PlaceholderValues = {
    scope,
    reason,
    activator,
    mark: newMark(),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  };
  try {
    return await send(call, contextOf(project, filling));
  } catch (error) {
    if (error instanceof CallFailed) return error;
    throw error;
  }
}

/** A call that could not even be written out was never sent. */
function isOurFault({ kind, why }: CallFailed): boolean {
  return REFUSED.has(kind) || why.includes("has no value here");
}

function wordsFor(failure: CallFailed): string {
  return isOurFault(failure) ? failure.why : `the switch did not answer: ${failure.why}`;
}

function checkTaken(answer: Answer, call: Call): void {
  const match = matches(answer, call.expect);
  if (match.met) return;
  const isBroken = answer.via === "http" && answer.status >= 500;
  const words = `the switch ${match.why}${complaintOf(answer)}`;
  throw new SwitchProblem(isBroken ? "unanswered" : "refused", words, answer.via === "http" ? answer.status : null);
}

/** Whether the switch says that the scope is stopped. Throws SwitchProblem where it says neither. */
export async function isForeignStopped(target: ForeignTarget, scope: string, signal?: AbortSignal): Promise<boolean> {
  const { project, killSwitch } = target;
  const { status } = killSwitch;
  const limited = { ...killSwitch, status: { ...status, timeout: status.timeout ?? ANSWER_WITHIN_MS } };
  try {
    return await isStopped({ project, killSwitch: limited, scope, mark: newMark(), activator: "" }, signal);
  } catch (error) {
    if (error instanceof CallFailed) throw new SwitchProblem("unanswered", `the switch's status ${error.why}`);
    throw error;
  }
}

/** Asks until the switch says what is wanted, or the time is over: once at least; null where it did, else why not. */
export async function waitForStatus(
  target: ForeignTarget,
  { scope, stopped, waitMs, clock, signal }: Wanted,
): Promise<string | null> {
  const deadline = clock.monotonic() + waitMs;
  for (;;) {
    let why: string;
    try {
      if ((await isForeignStopped(target, scope, signal)) === stopped) return null;
      why = `its status still says ${stopped ? "running" : "stopped"}`;
    } catch (error) {
      if (!(error instanceof SwitchProblem)) throw error;
      why = error.message;
    }
    if (clock.monotonic() + BETWEEN_MS >= deadline || signal.aborted) return why;
    await pause(BETWEEN_MS, signal);
  }
}

export interface Wanted {
  scope: string;
  stopped: boolean;
  waitMs: number;
  clock: Clock;
  signal: AbortSignal;
}

/** The entries of its log, oldest first where they have times. Throws SwitchProblem. */
export async function readForeignLog(target: ForeignTarget, signal?: AbortSignal): Promise<SwitchLogEntry[]> {
  const { log } = target.killSwitch;
  if (!log) throw new SwitchProblem("refused", `killSwitch.log is not configured (${target.source})`);
  const scope = target.project.config.agent.name;
  try {
    return await readLog(log, target.project, { scope, mark: newMark(), activator: "", reason: "log" }, signal);
  } catch (error) {
    if (error instanceof LogUnread)
      throw new SwitchProblem("unanswered", `the switch's log cannot be read: ${error.why}`);
    throw error;
  }
}
