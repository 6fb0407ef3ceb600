import { CallFailed } from "../../doors/door.ts";
import { type Guardian, GuardianFailed, startGuardian } from "../../doors/guardian.ts";
import { answerJson } from "../../doors/reading.ts";
import { type Gathering, Interrupted } from "../../evidence/gathering.ts";
import { holdActing } from "../../rehearsal/acting-file.ts";
import { beginning } from "../../rehearsal/beginning.ts";
import { LIMITS, type Limits } from "../../rehearsal/limits.ts";
import { newMark } from "../../rehearsal/mark.ts";
import { sendProbe } from "../../rehearsal/probe.ts";
import { createProber, stopIfInterrupted } from "../../rehearsal/prober.ts";
import { steadyState } from "../../rehearsal/steady.ts";
import { ask, callsOf, fillingOf, type Order } from "../../rehearsal/switch-order.ts";
import { agentFrozen } from "./agent-frozen.ts";
import { agentKilled } from "./agent-killed.ts";
import { FAULT_LIMITS, type FaultLimits } from "./limits.ts";
import { chargeOf, noteOf } from "./note.ts";
import type { FaultName } from "./names.ts";
import type { PlannedFault } from "./plan.ts";
import { putAllBack } from "./put-back.ts";
import { switchDown } from "./switch-down.ts";
import { switchSlow } from "./switch-slow.ts";
import { FaultFailed, openTarget } from "./target.ts";
import { type Finding, stopWithin, type Trial, unproven } from "./trial.ts";

/** One fault: steady state → fault → what must hold → everything back → steady again (contract, section 7). */

export interface FaultOutcome extends Finding {
  fault: FaultName;
}

export interface FaultOptions {
  /** Of the drill that it is part of: what the probes do is taken back with the rest. */
  trace?: string;
  mark?: string;
  limits?: Limits;
  figures?: FaultLimits;
}

const ACTS: Record<FaultName, (trial: Trial) => Promise<Finding>> = {
  "agent-frozen": agentFrozen,
  "agent-killed": agentKilled,
  "switch-down": switchDown,
  "switch-slow": switchSlow,
};

/**
 * Makes one fault and takes it back, whatever happens; what could not be taken back is in `gathering.notBack`. A fault
 * that could not be made, or changed nothing, proves nothing and says so. Throws Interrupted, when all is back.
 */
export async function runFault(
  planned: PlannedFault,
  gathering: Gathering,
  { trace, mark = newMark(), limits = LIMITS, figures = FAULT_LIMITS }: FaultOptions = {},
): Promise<FaultOutcome> {
  const { project, activator, signal, clock, progress } = gathering;
  const { fault, pull } = planned;
  stopIfInterrupted(signal);
  const order: Order = { project, killSwitch: pull.killSwitch, scope: pull.scope, mark, activator, trace };
  const begin = await beginning(order, signal);
  if ("why" in begin) return { fault, ...unproven(begin.why) };
  const target = await openTarget(planned.target, { project, filling: fillingOf(order, "fault"), clock, limits });
  if ("why" in target) return { fault, ...unproven(target.why) };
  const withinMs = fault === "switch-down" ? await leaseOf(order, gathering) : stopWithin(gathering);
  if (typeof withinMs === "object") return { fault, ...unproven(withinMs.why) };
  const guardian = await guardFor({ planned, target, order, limitMs: withinMs + limits.stop + figures.spare });
  if ("why" in guardian) return { fault, ...unproven(guardian.why) };
  try {
    const finding = await underGuard({ planned, order, target, gathering, limits, figures, withinMs, guardian, begin });
    return { fault, ...finding };
  } finally {
    progress.clear();
    await guardian.dismiss();
  }
}

/** What is known before the agent is probed. */
interface Guarded extends Omit<Trial, "prober" | "steady" | "pulled"> {
  guardian: Guardian;
  begin: { before: string[] | null };
}

async function underGuard(guarded: Guarded): Promise<Finding> {
  const { planned, order, gathering, limits, guardian, begin } = guarded;
  const { project, clock, progress } = gathering;
  const signal = AbortSignal.any([gathering.signal, guardian.lost]);
  const acting = holdActing(project.directory, () => noteOf(guarded));
  const write = () => sendProbe(planned.pull.probes.write, project, fillingOf(order, "probe"), signal);
  const prober = createProber(write, { everyMs: planned.pull.everyMs, clock, signal });
  progress.show(`${planned.fault}: are writes accepted? …`);
  const before = `the fault ${planned.fault}`;
  let finding: Finding;
  let trial: Trial | null = null;
  let thrown: { error: unknown } | null = null;
  try {
    const steady = await steadyState(prober, { clock, limits, expected: null, before, prepare: () => acting.begin() });
    if ("why" in steady) finding = unproven(steady.why);
    else {
      trial = { ...guarded, gathering: { ...gathering, signal }, prober, steady, pulled: null };
      finding = await ACTS[planned.fault](trial);
    }
  } catch (error) {
    thrown = { error };
    finding = unproven(whatWas(error, guardian));
  }
  const back = trial === null ? null : await putAllBack(trial, begin.before, guardian);
  if (back?.isBack !== false) await acting.end();
  stopIfInterrupted(gathering.signal);
  if (thrown !== null && finding.why === "") throw thrown.error;
  if (back !== null && back.spoilt !== null) finding = unproven(back.spoilt, finding.ms);
  if (back === null || back.why === null) return finding;
  return { ...finding, held: false, why: [finding.why, back.why].filter((one) => one !== null).join("; ") };
}

/** Why nothing is proven, where something was thrown that is known; empty where it is not. */
function whatWas(error: unknown, guardian: Guardian): string {
  if (error instanceof FaultFailed) return error.message;
  if (!(error instanceof Interrupted)) return "";
  return guardian.lost.aborted
    ? "the guardian, which puts back if this drill dies, ended in the middle"
    : "interrupted";
}

/** How long an agent may go on without the switch: what our own says of itself, else what the policy asks. */
async function leaseOf(order: Order, { signal, project }: Gathering): Promise<number | { why: string }> {
  if (!("provider" in order.killSwitch)) return stopWithin({ project });
  try {
    const json = answerJson(await ask(callsOf(order.killSwitch).status, order, "lease", signal));
    const lease = "value" in json ? (json.value as { leaseSeconds?: unknown } | null)?.leaseSeconds : undefined;
    return typeof lease === "number" && lease > 0
      ? lease * 1_000
      : { why: "the switch does not say how long its lease is" };
  } catch (error) {
    stopIfInterrupted(signal);
    if (error instanceof CallFailed) return { why: `the switch does not say how long its lease is: ${error.why}` };
    throw error;
  }
}

/** Armed before anything is touched; its limit counts from now. */
async function guardFor(
  parts: Pick<Guarded, "planned" | "target" | "order"> & { limitMs: number },
): Promise<Guardian | { why: string }> {
  try {
    return await startGuardian(await chargeOf(parts));
  } catch (error) {
    if (error instanceof GuardianFailed) return { why: error.message };
    if (error instanceof CallFailed) return { why: error.why };
    throw error;
  }
}
