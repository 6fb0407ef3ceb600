import { policyFrom } from "../audit/policy.ts";
import type { Missing } from "../audit/fact.ts";
import type { KillSample } from "../evidence/facts.ts";
import type { Gathering } from "../evidence/gathering.ts";
import { type BreakerPlan, type KillSwitchPlan, planBreaker, planKillSwitch } from "../rehearsal/consent.ts";
import { openOnce } from "../rehearsal/breaker.ts";
import type { FaultName } from "./faults/names.ts";
import { type PlannedFault, planFaults } from "./faults/plan.ts";
import { type FaultOutcome, runFault } from "./faults/run.ts";
import { pullOnce } from "../rehearsal/kill-switch.ts";
import { CannotAct, recoverLeftovers } from "../rehearsal/leftovers.ts";
import { type Limits, LIMITS } from "../rehearsal/limits.ts";
import { newMark } from "../rehearsal/mark.ts";
import { newTrace } from "../rehearsal/trace.ts";
import type { DrillLine } from "./line.ts";
import type { NewDrillLine } from "./log.ts";
import { breakerWords, faultWords, readsWords, releaseWords, stopWords, type Tell } from "./telling.ts";
import { switchOf } from "./switch-part.ts";
import { type DrillNames, TakingBack } from "./taking-back.ts";
import { lockDrills } from "./underway.ts";
import { undoLeftover } from "./leftover.ts";
import { rounded } from "./rounded.ts";
import { verdictOf } from "./verdict.ts";
import { digestOfMeasured, type Measured } from "./verify.ts";

/**
 * The drill (contract, section 7): the breaker is opened and closed; one of each type is written; the switch is pulled
 * and the stop measured; while the agent is stopped, all is taken back and the states are compared; then the release,
 * which carries the digest of all that was measured. The writes come before the pull, because a stopped agent writes
 * nothing, and they are undone under the pulled switch, as on the day that it is for.
 */

/** What a drill brought. `unknown`: it could not be measured, and leaves no line. */
export type Drill =
  | { state: "measured"; line: NewDrillLine }
  | { state: "unknown"; why: string }
  /** The configuration lacks the consent, or what it cannot do without. */
  | { state: "not-begun"; why: string };

export interface DrillOptions {
  /** Told each step as it ends. */
  tell: Tell;
  /** Made before the rest; each is taken back before the next. */
  faults?: readonly FaultName[];
  limits?: Limits;
}

/** Holds a drill. Throws Interrupted, when everything is put back or named in `notBack`. */
export async function holdDrill(gathering: Gathering, options: DrillOptions): Promise<Drill> {
  const { directory } = gathering.project;
  const plan = await planKillSwitch(gathering);
  if ("state" in plan) return notBegun(plan);
  const wanted = options.faults ?? [];
  const planned = wanted.length === 0 ? { faults: [] } : await planFaults(gathering, wanted);
  if ("state" in planned) return notBegun(planned);
  const unlock = await lockDrills(directory);
  if (unlock === null) return { state: "unknown", why: "another drill of this configuration is under way" };
  try {
    await recoverLeftovers(gathering, options.limits);
    const left = await undoLeftover(gathering, options.tell);
    if (left !== null) return { state: "unknown", why: left };
    return await new Holding(plan, planned.faults, gathering, options).hold();
  } catch (error) {
    if (error instanceof CannotAct) return { state: "unknown", why: error.message };
    throw error;
  } finally {
    unlock();
  }
}

function notBegun({ state, why }: Missing): Drill {
  return { state: state === "failed" ? "unknown" : "not-begun", why };
}

/** A fault and the trace of its probes. */
interface TracedFault {
  planned: PlannedFault;
  trace: string;
}

class Holding {
  readonly #plan: KillSwitchPlan;
  readonly #gathering: Gathering;
  readonly #tell: Tell;
  readonly #planned: readonly PlannedFault[];
  readonly #limits: Limits;
  readonly #names: DrillNames;
  readonly #takingBack: TakingBack;
  readonly #startedAt: string;
  readonly #faults: DrillLine["faults"] = [];
  #breaker: DrillLine["breaker"] = null;
  #measured: Measured | null = null;

  constructor(plan: KillSwitchPlan, faults: readonly PlannedFault[], gathering: Gathering, options: DrillOptions) {
    this.#plan = plan;
    this.#planned = faults;
    this.#gathering = gathering;
    this.#tell = options.tell;
    this.#limits = options.limits ?? LIMITS;
    this.#startedAt = new Date(gathering.clock.now()).toISOString();
    this.#names = { mark: newMark(), trace: newTrace().id, scope: plan.scope };
    this.#takingBack = new TakingBack(gathering, this.#names, options.tell);
  }

  async hold(): Promise<Drill> {
    const faults = this.#planned.map((planned) => ({ planned, trace: newTrace().id }));
    await this.#takingBack.begin(faults.map(({ trace }) => trace));
    try {
      return await this.#rehearse(faults);
    } finally {
      await this.#takingBack.tidy();
    }
  }

  async #rehearse(faults: readonly TracedFault[]): Promise<Drill> {
    for (const fault of faults) {
      const why = await this.#makeFault(fault);
      if (why !== null) return { state: "unknown", why };
    }
    await this.#takingBack.look();
    const hindered = await this.#openBreaker();
    if (hindered !== null) return { state: "unknown", why: hindered };
    await this.#takingBack.write();
    const pull = await pullOnce(this.#plan, this.#gathering, this.#limits, {
      mark: this.#names.mark,
      trace: this.#names.trace,
      whileStopped: (sample) => this.#whileStopped(sample),
    });
    if ("why" in pull) return { state: "unknown", why: pull.why };
    const { sample } = pull;
    if (sample.stop.state === "unknown") return { state: "unknown", why: sample.stop.why };
    this.#tell("release", releaseWords(sample));
    const endedAt = new Date(this.#gathering.clock.now()).toISOString();
    await this.#takingBack.tidy();
    return { state: "measured", line: await this.#line(sample, endedAt) };
  }

  /** Why nothing more is rehearsed, or null: what proves nothing about a fault proves nothing about the drill. */
  async #makeFault({ planned, trace }: TracedFault): Promise<string | null> {
    const { fault } = planned;
    let outcome: FaultOutcome;
    try {
      outcome = await runFault(planned, this.#gathering, { trace, limits: this.#limits });
    } finally {
      await this.#takingBack.undoFault(fault, trace);
    }
    const { held, proven, switchAnswered, why, ms } = outcome;
    const [first] = this.#gathering.notBack;
    if (first) return first.what;
    if (!proven) return `${fault}: ${why ?? "nothing was shown"}`;
    this.#faults.push({ fault, held, switchAnswered, ms: roundedAll(ms) });
    if (!held && why !== null) this.#takingBack.troubles.push(`${fault}: ${why}`);
    this.#tell("fault", faultWords(fault, why, ms));
    return null;
  }

  /** Why nothing more is rehearsed, or null. */
  async #openBreaker(): Promise<string | null> {
    const plan: BreakerPlan | Missing = await planBreaker(this.#gathering);
    if ("state" in plan) {
      this.#tell("breaker", `not rehearsed: ${plan.why}`);
      return null;
    }
    const opening = await openOnce(plan, this.#gathering, this.#limits, this.#names.trace);
    const [first] = this.#gathering.notBack;
    if (first) return first.what;
    if ("why" in opening) return `the breaker's rehearsal: ${opening.why}`;
    const words = breakerWords(opening.facts);
    this.#breaker = words.wrong === null ? { held: true, why: null } : { held: false, why: words.wrong };
    this.#tell("breaker", words.text);
    return null;
  }

  /** Takes back and compares under the pulled switch; gives the digest of everything measured. */
  async #whileStopped(sample: KillSample): Promise<string | null> {
    const { stop } = sample;
    this.#tell("stop", stopWords(sample));
    if (stop.state === "unknown") return null;
    this.#tell("reads", readsWords(sample));
    const undone = await this.#takingBack.undo();
    const { project, activator } = this.#gathering;
    const redacted = (text: string): string => project.secrets.redact(text);
    this.#measured = {
      schema: "clawproof/drill@1",
      agent: project.config.agent.name,
      version: project.config.agent.version ?? null,
      environment: project.environment,
      scope: sample.scope,
      mark: this.#names.mark,
      startedAt: this.#startedAt,
      stop: {
        ms: stop.state === "stopped" ? rounded(stop.ms) : null,
        resolutionMs: rounded(sample.resolutionMs),
        acceptedAfterAnswer: sample.acceptedAfterAnswer,
      },
      reads: { sent: sample.reads.sent, accepted: sample.reads.accepted },
      user: sample.user && "text" in sample.user ? redacted(sample.user.text) : null,
      alertAfterMs: "afterMs" in sample.alert ? rounded(sample.alert.afterMs) : null,
      undone,
      breaker: this.#breaker,
      troubles: this.#takingBack.troubles.map(redacted),
      faults: this.#faults,
      by: activator,
      switch: { series: sample.number?.series ?? null },
    };
    return digestOfMeasured(this.#measured);
  }

  async #line(sample: KillSample, endedAt: string): Promise<NewDrillLine> {
    const measured = this.#measured;
    if (measured === null) throw new Error("a stop was measured that nothing was kept of");
    const digest = digestOfMeasured(measured);
    const releasedAfterMs = sample.backAfterMs === null ? null : rounded(sample.backAfterMs);
    const { project } = this.#gathering;
    const { policy, drills } = project.config;
    // With what went wrong since: the line has nowhere else for it.
    const shown = {
      ...measured,
      releasedAfterMs,
      troubles: this.#takingBack.troubles.map((text) => project.secrets.redact(text)),
    };
    return {
      ...measured,
      endedAt,
      switch: await switchOf(sample, digest, this.#gathering),
      releasedAfterMs,
      verdict: verdictOf(shown, policyFrom(policy, drills)),
      digest,
    };
  }
}

const roundedAll = (figures: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(figures).map(([name, ms]) => [name, rounded(ms)]));
