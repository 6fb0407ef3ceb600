import { policyFrom } from "../audit/policy.ts";
import type { Missing } from "../audit/fact.ts";
import type { KillSample } from "../evidence/facts.ts";
import { type Gathering, Interrupted } from "../evidence/gathering.ts";
import { type BreakerPlan, type KillSwitchPlan, planBreaker, planKillSwitch } from "../rehearsal/consent.ts";
import { openOnce } from "../rehearsal/breaker.ts";
import type { FaultName } from "./faults/names.ts";
import { type PlannedFault, planFaults } from "./faults/plan.ts";
import { runFault } from "./faults/run.ts";
import { pullOnce } from "../rehearsal/kill-switch.ts";
import { CannotAct, recoverLeftovers } from "../rehearsal/leftovers.ts";
import { type Limits, LIMITS } from "../rehearsal/limits.ts";
import { newMark } from "../rehearsal/mark.ts";
import { newTrace } from "../rehearsal/trace.ts";
import type { DrillLine } from "./line.ts";
import type { NewDrillLine } from "./log.ts";
import {
  breakerWords,
  faultWords,
  readsWords,
  releaseWords,
  stopWords,
  type Tell,
  undoneWords,
  writtenWords,
} from "./telling.ts";
import { switchOf } from "./switch-part.ts";
import { beginUnderway, endUnderway, lockDrills, readUnderway, underwayFile } from "./underway.ts";
import { type Undone, undoingOf, type Undoing } from "./undo.ts";
import { verdictOf } from "./verdict.ts";
import { digestOfMeasured, type Measured } from "./verify.ts";
import {
  type Asking,
  type DrillWrite,
  drillWritesOf,
  readStates,
  readSteadyStates,
  writeOneOfEach,
  type Written,
} from "./writes.ts";
import type { State } from "./state.ts";

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

/** What a drill that was killed had the agent write; why it could not be taken back, or null. */
async function undoLeftover(gathering: Gathering, tell: Tell): Promise<string | null> {
  const { directory, environment } = gathering.project;
  const file = underwayFile(directory);
  const left = await readUnderway(directory);
  if (left === null) return null;
  if ("damaged" in left) return `${file} is damaged: see what it names, take that back and remove the file`;
  if (left.environment !== environment) {
    const how = left.environment === null ? "without --env" : `with --env ${left.environment}`;
    return `${file}: an earlier drill ${how} was ended in the middle; hold one ${how} first, which takes back what it wrote`;
  }
  const undoing = undoingOf(gathering, left.trace);
  if ("why" in undoing) return `${file}: ${undoing.why}`;
  const undone = await undoing.run(gathering.signal);
  if (undone.left.length > 0) {
    return `what an earlier drill wrote (trace ${left.trace}) could not be taken back: ${undone.left.join("; ")}; when it is, remove ${file}`;
  }
  tell("undo", `what an earlier drill wrote (${left.at}, ended in the middle) is taken back`);
  await endUnderway(directory);
  return null;
}

class Holding {
  readonly #plan: KillSwitchPlan;
  readonly #gathering: Gathering;
  readonly #tell: Tell;
  readonly #planned: readonly PlannedFault[];
  readonly #limits: Limits;
  readonly #mark = newMark();
  readonly #trace = newTrace().id;
  readonly #startedAt: string;
  readonly #writes: readonly DrillWrite[];
  readonly #undoing: Undoing | { why: string };
  readonly #troubles: string[] = [];
  #written: Written[] = [];
  /** Before anything was written. */
  #before = new Map<string, State>();
  readonly #faults: DrillLine["faults"] = [];
  #breaker: DrillLine["breaker"] = null;
  #measured: Measured | null = null;
  #isTidied = false;

  constructor(plan: KillSwitchPlan, faults: readonly PlannedFault[], gathering: Gathering, options: DrillOptions) {
    this.#plan = plan;
    this.#planned = faults;
    this.#gathering = gathering;
    this.#tell = options.tell;
    this.#limits = options.limits ?? LIMITS;
    this.#startedAt = new Date(gathering.clock.now()).toISOString();
    this.#writes = drillWritesOf(gathering.project);
    this.#undoing = undoingOf(gathering, this.#trace);
  }

  async hold(): Promise<Drill> {
    const { project, clock, signal } = this.#gathering;
    const { directory, environment } = project;
    this.#before = await readSteadyStates(this.#writes, this.#asking(signal));
    if (this.#takesBack())
      await beginUnderway(directory, { trace: this.#trace, environment, at: new Date(clock.now()).toISOString() });
    try {
      return await this.#rehearse();
    } finally {
      if (this.#takesBack()) await this.#tidy();
    }
  }

  /** Whether the configuration consents to writing and undoing (contract, 3.2), and says how it is undone. */
  #takesBack(): boolean {
    return this.#writes.length > 0 && !("why" in this.#undoing);
  }

  async #rehearse(): Promise<Drill> {
    const hindered = (await this.#makeFaults()) ?? (await this.#openBreaker());
    if (hindered !== null) return { state: "unknown", why: hindered };
    await this.#write();
    const pull = await pullOnce(this.#plan, this.#gathering, this.#limits, {
      mark: this.#mark,
      trace: this.#trace,
      whileStopped: (sample) => this.#whileStopped(sample),
    });
    if ("why" in pull) return { state: "unknown", why: pull.why };
    const { sample } = pull;
    if (sample.stop.state === "unknown") return { state: "unknown", why: sample.stop.why };
    this.#tell("release", releaseWords(sample));
    const endedAt = new Date(this.#gathering.clock.now()).toISOString();
    if (this.#takesBack()) await this.#tidy();
    return { state: "measured", line: await this.#line(sample, endedAt) };
  }

  /** Why nothing more is rehearsed, or null: what proves nothing about a fault proves nothing about the drill. */
  async #makeFaults(): Promise<string | null> {
    for (const planned of this.#planned) {
      const options = { trace: this.#trace, limits: this.#limits };
      const { fault, held, proven, switchAnswered, why, ms } = await runFault(planned, this.#gathering, options);
      const [first] = this.#gathering.notBack;
      if (first) return first.what;
      if (!proven) return `${fault}: ${why ?? "nothing was shown"}`;
      this.#faults.push({ fault, held, switchAnswered, ms: roundedAll(ms) });
      this.#tell("fault", faultWords(fault, why, ms));
    }
    return null;
  }

  /** Why nothing more is rehearsed, or null. */
  async #openBreaker(): Promise<string | null> {
    const plan: BreakerPlan | Missing = await planBreaker(this.#gathering);
    if ("state" in plan) {
      this.#tell("breaker", `not rehearsed: ${plan.why}`);
      return null;
    }
    const opening = await openOnce(plan, this.#gathering, this.#limits, this.#trace);
    const [first] = this.#gathering.notBack;
    if (first) return first.what;
    if ("why" in opening) return `the breaker's rehearsal: ${opening.why}`;
    const words = breakerWords(opening.facts);
    this.#breaker = words.wrong === null ? { held: true, why: null } : { held: false, why: words.wrong };
    this.#tell("breaker", words.text);
    return null;
  }

  async #write(): Promise<void> {
    if (this.#writes.length === 0) {
      this.#trouble("nothing to write and undo: agent.probes.writes is not configured");
      return;
    }
    if ("why" in this.#undoing) {
      this.#trouble(`nothing is written, because nothing could undo it: ${this.#undoing.why}`);
      return;
    }
    this.#written = await writeOneOfEach(this.#writes, this.#asking(this.#gathering.signal));
    for (const one of this.#written) {
      this.#tell("write", writtenWords(one));
      if (one.why !== null) this.#troubles.push(`${one.type}: ${one.why}`);
    }
  }

  #trouble(words: string): void {
    this.#tell("write", words);
    this.#troubles.push(words);
  }

  /** Takes back and compares under the pulled switch; gives the digest of everything measured. */
  async #whileStopped(sample: KillSample): Promise<string | null> {
    const { stop } = sample;
    this.#tell("stop", stopWords(sample));
    if (stop.state === "unknown") return null;
    this.#tell("reads", readsWords(sample));
    const undone = this.#takesBack() ? await this.#undo() : [];
    const { project, activator } = this.#gathering;
    const redacted = (text: string): string => project.secrets.redact(text);
    this.#measured = {
      schema: "clawproof/drill@1",
      agent: project.config.agent.name,
      version: project.config.agent.version ?? null,
      environment: project.environment,
      scope: sample.scope,
      mark: this.#mark,
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
      troubles: this.#troubles.map(redacted),
      faults: this.#faults,
      by: activator,
      switch: { series: sample.number?.series ?? null },
    };
    return digestOfMeasured(this.#measured);
  }

  async #undo(): Promise<DrillLine["undone"]> {
    const { progress, signal } = this.#gathering;
    progress.show("taking back what the drill wrote …");
    const { ms, left } = await this.#runUndo(signal);
    const after = await readStates(this.#writes, this.#asking(signal));
    const undone: DrillLine["undone"] = [];
    const unread: string[] = [];
    for (const { type, why } of this.#written) {
      if (why !== null) continue;
      const equal = compare(this.#before.get(type), after.get(type));
      if (typeof equal === "boolean") undone.push({ type, equal, ms: rounded(ms) });
      else unread.push(`${type}: ${equal.why}`);
    }
    progress.clear();
    this.#tell("undo", undoneWords(undone, ms, [...left, ...unread]));
    this.#troubles.push(...left.map((one) => `not taken back: ${one}`), ...unread);
    return undone;
  }

  /** What came after the first undo: the probes of the release, or everything where the drill ended before. Obeys no interrupt. */
  async #tidy(): Promise<void> {
    if (this.#isTidied) return;
    this.#isTidied = true;
    const { directory } = this.#gathering.project;
    const { left } = await this.#runUndo(new AbortController().signal);
    if (left.length === 0) {
      await endUnderway(directory);
      return;
    }
    // Named, and tried again by the next drill.
    const words = `what the drill wrote (trace ${this.#trace}) is not all taken back: ${left.join("; ")}`;
    this.#gathering.progress.say(words);
    this.#troubles.push(words);
  }

  async #runUndo(signal: AbortSignal): Promise<Undone> {
    if ("why" in this.#undoing) return { ms: 0, left: [this.#undoing.why] };
    return this.#undoing.run(signal);
  }

  #asking(signal: AbortSignal): Asking {
    const { project, activator } = this.#gathering;
    const environment = project.environment === null ? {} : { environment: project.environment };
    const filling = {
      ...environment,
      trace: this.#trace,
      mark: this.#mark,
      activator,
      reason: `${this.#mark}: drill`,
      scope: this.#plan.scope === "whole" ? "*" : this.#plan.scope,
    };
    return { project, filling, signal };
  }

  async #line(sample: KillSample, endedAt: string): Promise<NewDrillLine> {
    const measured = this.#measured;
    if (measured === null) throw new Interrupted("interrupted");
    const digest = digestOfMeasured(measured);
    const releasedAfterMs = sample.backAfterMs === null ? null : rounded(sample.backAfterMs);
    const { project } = this.#gathering;
    const { policy, drills } = project.config;
    // With what went wrong since: the line has nowhere else for it.
    const shown = {
      ...measured,
      releasedAfterMs,
      troubles: this.#troubles.map((text) => project.secrets.redact(text)),
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

/** Whether a state is as it was before the drill; `why` where that cannot be told. */
function compare(before: State | undefined, after: State | undefined): boolean | { why: string } {
  if (before === undefined || after === undefined) return { why: "it has no state to compare" };
  if ("why" in before) return { why: `its state before the drill could not be told: ${before.why}` };
  if ("why" in after) return { why: `its state after the undo could not be read: ${after.why}` };
  return before.digest === after.digest;
}

const roundedAll = (figures: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(figures).map(([name, ms]) => [name, rounded(ms)]));

/** To a tenth of a millisecond: nothing here is known better. */
const rounded = (ms: number): number => Math.max(0, Math.round(ms * 10) / 10);
