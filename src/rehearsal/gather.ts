import { randomInt } from "node:crypto";
import { failed, found, type Evidence, type Location, type Missing } from "../audit/fact.ts";
import type { KillSample } from "../evidence/facts.ts";
import type { Gather, Gathering } from "../evidence/gathering.ts";
import { openOnce } from "./breaker.ts";
import { planBreaker, planKillSwitch } from "./consent.ts";
import { breakerEvidence, killEvidence } from "./evidence-words.ts";
import { pullOnce } from "./kill-switch.ts";
import { CannotAct, recoverLeftovers } from "./leftovers.ts";
import { type Limits, LIMITS } from "./limits.ts";
import { pause } from "./pause.ts";
import { stopIfInterrupted } from "./prober.ts";

/** Pulls the switch as often as the configuration asks, and puts back each time (contract, 2.4). */
export const gatherRehearsal: Gather<"rehearsal"> = (gathering) => rehearseSwitch(gathering);

/** Opens the breaker, looks whether reads go on, and closes it: after the switch, never beside it. */
export const gatherBreakerRehearsal: Gather<"breakerRehearsal"> = (gathering) => rehearseBreaker(gathering);

/** As gatherRehearsal, with other limits: for tests. */
export async function rehearseSwitch(gathering: Gathering, limits: Limits = LIMITS): ReturnType<Gather<"rehearsal">> {
  const plan = await planKillSwitch(gathering);
  if ("state" in plan) return plan;
  const { project, signal, progress } = gathering;
  const place = project.where(["killSwitch", "rehearse"]);
  const hindrance = await whyNotNow(gathering, place, limits);
  if (hindrance) return hindrance;
  const samples: KillSample[] = [];
  const evidence: Evidence[] = [];
  let firstTrace: string | null = null;
  try {
    for (let number = 1; number <= plan.samples && gathering.notBack.length === 0; number++) {
      await pause(plan.samples > 1 ? randomInt(limits.randomWait + 1) : 0, signal);
      stopIfInterrupted(signal);
      const pull = await pullOnce(plan, gathering, limits);
      // A sample that failed may have been the worst: the others say nothing without it.
      if ("why" in pull)
        return failed(
          plan.samples > 1 ? `sample ${number} of ${plan.samples}: ${pull.why}` : pull.why,
          place,
          evidence,
        );
      samples.push(pull.sample);
      evidence.push(...(await killEvidence(pull.sample, project)));
      firstTrace ??= pull.firstTrace;
      if (pull.sample.stop.state === "unknown") break;
    }
  } finally {
    progress.clear();
  }
  return firstTrace === null ? failed("nothing was rehearsed", place) : found({ samples, firstTrace }, evidence, place);
}

/** As gatherBreakerRehearsal, with other limits: for tests. */
export async function rehearseBreaker(
  gathering: Gathering,
  limits: Limits = LIMITS,
): ReturnType<Gather<"breakerRehearsal">> {
  const plan = await planBreaker(gathering);
  if ("state" in plan) return plan;
  const { project, progress } = gathering;
  const place = project.where(["breaker", "rehearse"]);
  const hindrance = await whyNotNow(gathering, place, limits);
  if (hindrance) return hindrance;
  try {
    const opening = await openOnce(plan, gathering, limits);
    if ("why" in opening) return failed(opening.why, place);
    const evidence = await breakerEvidence(opening.facts, plan.open, opening.openedAt, project);
    return found(opening.facts, evidence, place);
  } finally {
    progress.clear();
  }
}

/** One thing at a time: nothing is pulled while something else is, or may be, out of place. */
async function whyNotNow(gathering: Gathering, place: Location, limits: Limits): Promise<Missing | null> {
  stopIfInterrupted(gathering.signal);
  const [first] = gathering.notBack;
  if (first) return failed(`${first.what}; nothing else is touched`, place);
  try {
    await recoverLeftovers(gathering, limits);
    return null;
  } catch (error) {
    if (error instanceof CannotAct) return failed(error.message, place);
    throw error;
  }
}
