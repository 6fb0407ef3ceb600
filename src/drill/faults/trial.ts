import type { Gathering } from "../../evidence/gathering.ts";
import type { StopOutcome } from "../../evidence/facts.ts";
import { type Activation, activate } from "../../rehearsal/activation.ts";
import { type Limits, STOP_WITHIN_MS } from "../../rehearsal/limits.ts";
import { CallFailed } from "../../doors/door.ts";
import { pause } from "../../rehearsal/pause.ts";
import { namedOutcome, type Probed, sendProbe } from "../../rehearsal/probe.ts";
import { type Prober, stopIfInterrupted } from "../../rehearsal/prober.ts";
import type { Steady } from "../../rehearsal/steady.ts";
import { fillingOf, isStopped, type Order } from "../../rehearsal/switch-order.ts";
import { createTimeline } from "../../rehearsal/timeline.ts";
import type { FaultLimits } from "./limits.ts";
import type { PlannedFault } from "./plan.ts";
import type { Target } from "./target.ts";

/** One fault under way, and the steps that several of them take. */
export interface Trial {
  planned: PlannedFault;
  order: Order;
  target: Target;
  /** Its signal is aborted when the run is interrupted, and when the guardian is lost. */
  gathering: Gathering;
  limits: Limits;
  figures: FaultLimits;
  prober: Prober;
  steady: Steady;
  /** Within which writes must stop. */
  withinMs: number;
  /** What there is to put back at the switch; null before an order was sent. */
  pulled: null | "surely" | "if-logged";
}

/** What a fault showed. `proven: false`: it could not be made, or nothing can be said; then nothing held. */
export interface Finding {
  held: boolean;
  proven: boolean;
  /** Whether the switch answered and took the order while the fault was on; null where that is not what it is about. */
  switchAnswered: boolean | null;
  why: string | null;
  /** Figures by name, in milliseconds. */
  ms: Record<string, number>;
}

export const heldUp = (ms: Finding["ms"], switchAnswered: boolean | null): Finding => ({
  held: true,
  proven: true,
  switchAnswered,
  why: null,
  ms,
});
export const broke = (why: string, ms: Finding["ms"], switchAnswered: boolean | null): Finding => ({
  held: false,
  proven: true,
  switchAnswered,
  why,
  ms,
});
export const unproven = (why: string, ms: Finding["ms"] = {}): Finding => ({
  held: false,
  proven: false,
  switchAnswered: null,
  why,
  ms,
});

export function stopWithin({ project }: Pick<Gathering, "project">): number {
  return project.config.policy?.stopWithin ?? STOP_WITHIN_MS;
}

export function say({ gathering, planned }: Pick<Trial, "gathering" | "planned">, doing: string): void {
  gathering.progress.show(`${planned.fault}: ${doing} …`);
}

/** How the switch took an order while something was wrong with its surroundings. Throws Interrupted. */
export async function giveOrder(trial: Trial): Promise<{ ms: Finding["ms"]; answeredAt: number } | { why: string }> {
  const { order, gathering, figures } = trial;
  say(trial, `giving an order on ${order.scope}`);
  const taken = await pull(trial);
  stopIfInterrupted(gathering.signal);
  if ("why" in taken) return { why: `the switch did not take the order: ${taken.why}` };
  const orderMs = taken.answeredAt - taken.sentAt;
  if (orderMs > figures.answer) return { why: `the switch took ${seconds(orderMs)} to take the order` };
  const asked = gathering.clock.monotonic();
  const why = await whyNotStopped(trial);
  if (why !== null) return { why };
  return { ms: { order: orderMs, status: gathering.clock.monotonic() - asked }, answeredAt: taken.answeredAt };
}

async function pull(trial: Trial): Promise<Activation> {
  trial.pulled = "if-logged";
  const taken = await activate(trial.order);
  if ("answeredAt" in taken) trial.pulled = "surely";
  return taken;
}

/** Asks until the switch says that the order stands: some publish it a little later. */
async function whyNotStopped({ order, gathering, figures, limits }: Trial): Promise<string | null> {
  const deadline = gathering.clock.monotonic() + figures.answer;
  for (;;) {
    const said = await statusWithin(order, deadline - gathering.clock.monotonic(), gathering.signal);
    if (said === true) return null;
    if (typeof said === "object") return `the switch's status after the order: ${said.why}`;
    if (gathering.clock.monotonic() > deadline) return "the switch took the order and does not say that it stands";
    await pause(limits.look, gathering.signal);
  }
}

/** Whether the switch says stopped; `why` where it does not say within the time. Throws Interrupted. */
export async function statusWithin(
  order: Order,
  ms: number,
  signal: AbortSignal,
): Promise<boolean | { why: string; silent: boolean }> {
  const late = AbortSignal.timeout(Math.max(1, Math.ceil(ms)));
  try {
    return await isStopped(order, AbortSignal.any([signal, late]));
  } catch (error) {
    stopIfInterrupted(signal);
    if (!(error instanceof CallFailed)) throw error;
    return late.aborted
      ? { why: `no answer within ${seconds(ms)}`, silent: true }
      : { why: error.why, silent: ["timeout", "gone"].includes(error.kind) };
  }
}

/** What the agent answers within the time: an answer of any kind, or null for none. Throws Interrupted. */
export async function agentAnswer(trial: Trial, ms: number): Promise<Probed | null> {
  const { order, gathering, planned } = trial;
  const { read, write } = planned.pull.probes;
  const call = { ...(read ?? write), timeout: ms };
  const probed = await sendProbe(call, order.project, fillingOf(order, "probe"), gathering.signal);
  stopIfInterrupted(gathering.signal);
  return probed.outcome instanceof CallFailed ? null : probed;
}

export interface Watched {
  stop: StopOutcome;
  /** Of the last write that was accepted, from `since` to when it was sent; null where none was. */
  lastAcceptedMs: number | null;
}

/** Probes until it is clear when writes stopped, counted from `since` (monotonic). Throws Interrupted. */
export async function watchStop({ prober, steady, limits }: Trial, since: number): Promise<Watched> {
  const timeline = createTimeline({ lastStart: since, instances: steady.instances, sink: false, limits });
  timeline.pulled(since);
  let last: number | null = null;
  for (;;) {
    const stop = timeline.outcome();
    if (stop !== null) return { stop, lastAcceptedMs: last };
    const probed = await prober.next();
    timeline.take(probed);
    if (probed.heard.kind === "accepted") last = Math.max(0, probed.sentAt - since);
  }
}

/** Why writes did not stop in time; null where they did. `unclear`: nobody can say. */
export function stopFault({ stop }: Watched, withinMs: number): { why: string; unclear: boolean } | null {
  if (stop.state === "unknown") return { why: stop.why, unclear: true };
  if (stop.state === "not-stopped")
    return { why: `writes were still accepted after ${seconds(stop.afterMs)}`, unclear: false };
  return stop.ms < withinMs ? null : { why: `writes stopped only after ${seconds(stop.ms)}`, unclear: false };
}

/** Waits until the thawed or restarted agent, which has an order standing against it, refuses; null where it does in time. */
export async function mustObey(trial: Trial, since: number, ms: Finding["ms"]): Promise<Finding | null> {
  const watched = await watchStop(trial, since);
  const fault = stopFault(watched, stopWithin(trial.gathering));
  if (watched.stop.state === "stopped") ms["stop"] = watched.stop.ms;
  if (fault === null) return null;
  return fault.unclear ? unproven(fault.why, ms) : broke(fault.why, ms, true);
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
export const answerWords = (probed: Probed): string => namedOutcome(probed);
