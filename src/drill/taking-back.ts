import type { Gathering } from "../evidence/gathering.ts";
import { NOT_TAKEN_BACK } from "../values/drill-words.ts";
import type { DrillLine } from "./line.ts";
import { rounded } from "./rounded.ts";
import type { State } from "./state.ts";
import { type Tell, undoneWords, writtenWords } from "./telling.ts";
import { beginUnderway, endUnderway } from "./underway.ts";
import { type Undone, undoingOf, type Undoing } from "./undo.ts";
import {
  type Asking,
  type DrillWrite,
  drillWritesOf,
  readStates,
  readSteadyStates,
  writeOneOfEach,
  type Written,
} from "./writes.ts";

/** What a drill is known by, in everything that it sends. */
export interface DrillNames {
  mark: string;
  trace: string;
  /** As the configuration says it; `whole` for a switch that knows no scopes. */
  scope: string;
}

/** The part of a drill that writes, takes back and compares; what its probes did is taken back with the rest. */
export class TakingBack {
  /** What could not be written, compared or taken back, each in words. */
  readonly troubles: string[] = [];
  readonly #gathering: Gathering;
  readonly #names: DrillNames;
  readonly #tell: Tell;
  readonly #writes: readonly DrillWrite[];
  readonly #undoing: Undoing | { why: string };
  /** Before anything was written. */
  #before = new Map<string, State>();
  #written: Written[] = [];
  #isTidied = false;

  constructor(gathering: Gathering, names: DrillNames, tell: Tell) {
    this.#gathering = gathering;
    this.#names = names;
    this.#tell = tell;
    this.#writes = drillWritesOf(gathering.project);
    this.#undoing = undoingOf(gathering, names.trace);
  }

  /** Notes the drill's trace, and those of its faults, on the disk before the agent is asked for anything. */
  async begin(faults: readonly string[]): Promise<void> {
    const { project, clock } = this.#gathering;
    const { directory, environment } = project;
    const at = new Date(clock.now()).toISOString();
    const { trace } = this.#names;
    if (this.#takesBack()) await beginUnderway(directory, { trace, faults: [...faults], environment, at });
  }

  /** Looks at the states: after the faults, because an agent that starts again may write by itself. Throws Interrupted. */
  async look(): Promise<void> {
    this.#before = await readSteadyStates(this.#writes, this.#asking(this.#gathering.signal));
  }

  /**
   * Takes back what the probes of a fault did; tells what is left. An agent that starts again may write where the probes
   * wrote before it died, and that is nobody's failure. Obeys no interrupt: the fault is over, and may have been cut off.
   */
  async undoFault(fault: string, trace: string): Promise<void> {
    const undoing = undoingOf(this.#gathering, trace);
    if (!this.#takesBack() || "why" in undoing) return;
    const { left } = await undoing.run(new AbortController().signal);
    if (left.length > 0) this.#tell("fault", `${fault}: of what its probes wrote, left: ${left.join("; ")}`);
  }

  /** Whether the configuration consents to writing and undoing (contract, 3.2), and says how it is undone. */
  #takesBack(): boolean {
    return this.#writes.length > 0 && !("why" in this.#undoing);
  }

  /** Has the agent write one of each type. Throws Interrupted. */
  async write(): Promise<void> {
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
      if (one.why !== null) this.troubles.push(`${one.type}: ${one.why}`);
    }
  }

  #trouble(words: string): void {
    this.#tell("write", words);
    this.troubles.push(words);
  }

  /** Takes all back that was done so far, and compares. Throws Interrupted. */
  async undo(): Promise<DrillLine["undone"]> {
    if (!this.#takesBack()) return [];
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
    this.troubles.push(...left.map((one) => `${NOT_TAKEN_BACK}${one}`), ...unread);
    return undone;
  }

  /** What came after the first undo: the probes of the release, or everything where the drill ended before. Obeys no interrupt. */
  async tidy(): Promise<void> {
    if (this.#isTidied || !this.#takesBack()) return;
    this.#isTidied = true;
    const { directory } = this.#gathering.project;
    const { left } = await this.#runUndo(new AbortController().signal);
    if (left.length === 0) {
      // What puts back later writes under this trace as well, and the next drill takes that back.
      if (this.#gathering.notBack.length === 0) await endUnderway(directory);
      return;
    }
    // Named, and tried again by the next drill.
    const words = `what the drill wrote (trace ${this.#names.trace}) is not all taken back: ${left.join("; ")}`;
    this.#gathering.progress.say(words);
    this.troubles.push(words);
  }

  async #runUndo(signal: AbortSignal): Promise<Undone> {
    if ("why" in this.#undoing) return { ms: 0, left: [this.#undoing.why] };
    return this.#undoing.run(signal);
  }

  #asking(signal: AbortSignal): Asking {
    const { project, activator } = this.#gathering;
    const { mark, trace, scope } = this.#names;
    const environment = project.environment === null ? {} : { environment: project.environment };
    const filling = {
      ...environment,
      trace,
      mark,
      activator,
      reason: `${mark}: drill`,
      scope: scope === "whole" ? "*" : scope,
    };
    return { project, filling, signal };
  }
}

/** Whether a state is as it was before the drill; `why` where that cannot be told. */
function compare(before: State | undefined, after: State | undefined): boolean | { why: string } {
  if (before === undefined || after === undefined) return { why: "it has no state to compare" };
  if ("why" in before) return { why: `its state before the drill could not be told: ${before.why}` };
  if ("why" in after) return { why: `its state after the undo could not be read: ${after.why}` };
  return before.digest === after.digest;
}
