import { CallFailed } from "../doors/door.ts";
import type { KillSample } from "../evidence/facts.ts";
import type { Gathering } from "../evidence/gathering.ts";
import { type ActingHold, holdActing } from "./acting-file.ts";
import type { Activation } from "./activation.ts";
import { userAnswer } from "./answer-words.ts";
import { beginning } from "./beginning.ts";
import type { KillSwitchPlan } from "./consent.ts";
import { expectedInstances } from "./instances.ts";
import { type Limits, LIMITS } from "./limits.ts";
import { newMark } from "./mark.ts";
import { waitForAlert, waitForEntry } from "./marks-left.ts";
import { measure, type Measured } from "./measure.ts";
import { sendProbe } from "./probe.ts";
import { readObedience } from "./obedience.ts";
import { createProber, stopIfInterrupted } from "./prober.ts";
import { commandLine, type PutBack, putBackSwitch } from "./put-back.ts";
import { countRead } from "./reads.ts";
import { releaseAsAgent } from "./release-as-agent.ts";
import { sampleOf, type Seen } from "./sample.ts";
import { type Steady, steadyState } from "./steady.ts";
import { callsOf, fillingOf, type Order } from "./switch-order.ts";
import { beginWork, type Work } from "./work.ts";

/** One pull of the switch, with everything before and after it (contract, 2.4). */

/** What one pull brought; `why`: it did not begin, or nothing can be said. */
export type Pull = { sample: KillSample; firstTrace: string } | { why: string };

/** What a drill does with a pull beyond what a rehearsal does. */
export interface DrillPart {
  mark: string;
  /** Of everything that the drill has the agent do. */
  trace: string;
  /**
   * While the agent is stopped, after all has been looked at: `sample` has no `backAfterMs` yet. Gives the digest of
   * everything measured so far, which the release carries to the switch; null where nothing is to be carried.
   */
  whileStopped(sample: KillSample): Promise<string | null>;
}

/**
 * Pulls the switch once, measures, looks, and puts back whatever happens. Throws Interrupted, and what `whileStopped`
 * throws, when all is put back.
 */
export async function pullOnce(
  plan: KillSwitchPlan,
  gathering: Gathering,
  limits: Limits = LIMITS,
  drill: DrillPart | null = null,
): Promise<Pull> {
  const { project, activator, signal } = gathering;
  stopIfInterrupted(signal);
  const mark = drill?.mark ?? newMark();
  const { killSwitch, scope } = plan;
  const order: Order = { project, killSwitch, scope, mark, activator, trace: drill?.trace, writesOnly: drill !== null };
  const begin = await beginning(order, signal);
  if ("why" in begin) return begin;
  const expected = await expectedInstances(gathering);
  if (typeof expected === "object" && expected !== null) return expected;
  const acting = holdActing(project.directory, () => actingEntry(order, begin.before, gathering));
  const work = beginWork({ order, probes: plan.probes, clock: gathering.clock, limits, signal });
  try {
    return await pullAndPutBack({
      plan,
      order,
      gathering,
      limits,
      expected,
      acting,
      work,
      before: begin.before,
      drill,
    });
  } finally {
    await work.end();
  }
}

interface Pulling {
  plan: KillSwitchPlan;
  order: Order;
  gathering: Gathering;
  limits: Limits;
  expected: number | null;
  acting: ActingHold;
  work: Work;
  /** The log's entries on the scope before the pull, as digests; null where there is no log. */
  before: string[] | null;
  drill: DrillPart | null;
}

async function actingEntry(
  { scope, mark, activator, project, killSwitch, trace }: Order,
  logBefore: string[] | null,
  { clock }: Gathering,
) {
  const { release } = callsOf(killSwitch);
  const filling = fillingOf({ scope, mark, activator, project }, "put back");
  return {
    what: "kill-switch" as const,
    scope,
    mark,
    activator,
    trace,
    environment: project.environment,
    config: project.sha256,
    at: new Date(clock.now()).toISOString(),
    putBack: release ? await commandLine(release, project, filling) : "",
    logBefore,
  };
}

async function pullAndPutBack(pulling: Pulling): Promise<Pull> {
  const { plan, order, gathering, limits, acting, work } = pulling;
  const { project, clock, signal, progress } = gathering;
  const filling = fillingOf(order, "probe");
  // No interrupt cuts a drill's writes off: one that the agent still makes would come after what takes them back.
  const write = () => sendProbe(plan.probes.write, project, filling, pulling.drill ? undefined : signal);
  const prober = createProber(write, { everyMs: plan.everyMs, clock, signal });
  progress.show(`rehearsing the kill switch on ${order.scope} … are writes accepted?`);
  let steady: Steady | { why: string };
  try {
    steady = await steadyState(prober, {
      clock,
      limits,
      expected: pulling.expected,
      before: "the switch was pulled",
      leastMs: plan.probes.run ? limits.runLead : 0,
      prepare: async () => work.trouble() ?? acting.begin(),
    });
  } catch (error) {
    await acting.end();
    throw error;
  }
  if ("why" in steady) {
    await acting.end();
    return steady;
  }
  let activation: Activation | null = null;
  let seen: Seen | { why: string } | null = null;
  let evidence: string | null = null;
  let thrown: { error: unknown } | null = null;
  try {
    const activated = (taken: Activation): void => void (activation = taken);
    const measured = await measure({ order, gathering, prober, steady, work, limits, activated });
    seen = "why" in measured ? measured : await lookWhileStopped(pulling, measured);
    if (!("why" in seen)) evidence = (await pulling.drill?.whileStopped(inWords(pulling, seen, null))) ?? null;
  } catch (error) {
    thrown = { error };
  }
  if (signal.aborted) evidence = null;
  const back = await putBack(pulling, { steady, activation, seen, evidence });
  // A release that carried what was measured has ended the drill: too late to interrupt it, and its line has to follow.
  if (evidence === null) stopIfInterrupted(signal);
  if (thrown) throw thrown.error;
  if (back.state === "left")
    return { why: `somebody else pulled the switch in the middle: ${back.why}; it is left as it is` };
  if (seen === null || "why" in seen) return seen ?? { why: "nothing was measured" };
  const backAfterMs = back.state === "back" ? back.afterMs : null;
  return {
    sample: inWords(pulling, seen, backAfterMs),
    firstTrace: steady.firstTrace,
  };
}

function inWords({ order, expected, work, gathering }: Pulling, seen: Seen, backAfterMs: number | null): KillSample {
  return sampleOf({ order, expected, work, clock: gathering.clock, seen, backAfterMs });
}

/** Step 4. */
async function lookWhileStopped(pulling: Pulling, measured: Measured): Promise<Seen> {
  const { plan, order, gathering, limits, before } = pulling;
  const { project, clock, signal, progress } = gathering;
  progress.show(`${order.scope} is pulled … reading the switch's log, the alerts and what users see`);
  const marks = { order, clock, limits, signal };
  const { read } = plan.probes;
  const [log, alert, user] = await Promise.all([
    waitForEntry(marks, before, measured.sentAt),
    waitForAlert(marks, measured.sentAt),
    whatUsersRead(pulling, measured),
    read && countRead({ read, project, filling: fillingOf(order, "probe"), signal }, measured.reads),
  ]);
  stopIfInterrupted(signal);
  const obedience = await readObedience(order, signal);
  stopIfInterrupted(signal);
  // Last, because a switch that takes it is no longer pulled.
  const tried = await releaseAsAgent(order, clock, signal);
  stopIfInterrupted(signal);
  return {
    ...measured,
    log,
    alert,
    obedience,
    user,
    releaseAsAgent: tried,
    refusalWords: await refusalWords(pulling, measured),
    endedEarly: pulling.work.endedEarly(clock.monotonic()),
  };
}

async function whatUsersRead({ plan, order, gathering }: Pulling, { stop }: Measured): Promise<KillSample["user"]> {
  const { user } = plan.probes;
  if (!user) return null;
  if (stop.state !== "stopped") return { why: "the agent was not seen stopped" };
  const { outcome } = await sendProbe(user, order.project, fillingOf(order, "what users read"), gathering.signal);
  return outcome instanceof CallFailed ? { why: outcome.why } : userAnswer(outcome, user, order.project);
}

async function refusalWords({ plan, order }: Pulling, { refusal }: Measured): Promise<KillSample["refusal"]> {
  if (refusal === null) return null;
  if (refusal.outcome instanceof CallFailed) return { status: null, text: "", source: refusal.outcome.why };
  return userAnswer(refusal.outcome, plan.probes.write, order.project);
}

/** What there is to put back, and what the release carries. */
interface Brought {
  steady: Steady;
  activation: Activation | null;
  seen: Seen | { why: string } | null;
  evidence: string | null;
}

/** Step 5, with what is said and kept where it does not work. */
async function putBack(
  { order, gathering, limits, acting, before }: Pulling,
  { steady: { instances }, activation, seen, evidence }: Brought,
): Promise<PutBack> {
  const { clock, progress, notBack } = gathering;
  progress.show(`putting ${order.scope} back …`);
  const released = seen !== null && "releaseAsAgent" in seen && seen.releaseAsAgent?.accepted === true;
  const taken = activation !== null && "answeredAt" in activation;
  const stands = released ? "unlikely" : taken ? "surely" : "if-logged";
  const back = await putBackSwitch({ order, before, stands, instances, clock, limits, evidence });
  if (back.state === "left") progress.say(`LEFT AS IT IS: ${back.why}; it is not ours to release`);
  if (back.state === "not-back")
    notBack.push({ what: `${order.scope} at the kill switch: ${back.why}`, command: back.command });
  else await acting.end();
  progress.clear();
  return back;
}
