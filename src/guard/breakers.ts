import type { Clock } from "../values/clock.ts";
import type { View } from "../switch/protocol/view.ts";
import { Breaker } from "./breaker/breaker.ts";
import { SavedReader } from "./breaker/json.ts";
import type { SavedBreaker } from "./breaker/saved.ts";
import type { BreakerSettings } from "./breaker/settings.ts";
import type { SavedGuard } from "./guard-types.ts";
import type { Notice } from "./options.ts";
import { type TripClient, Trips } from "./trips.ts";

const read = new SavedReader("What restore gives, which is to be what guard.save gave,");

/** A breaker of real calls with the one of drill calls beside it. */
export interface BreakerPair {
  real: Breaker;
  /** Goes half-open by itself, and never trips the fleet. */
  drill: Breaker;
}

export interface BreakersOptions {
  agent: string;
  clock: Clock;
  notice: (notice: Notice) => void;
  /** Null where no switch holds the agent. */
  client: TripClient | null;
  /** What `save` gave to the run before. */
  restore: SavedGuard | undefined;
}

/** All breakers of a guard: the agent's, and those of single action types. */
export class Breakers {
  readonly #options: BreakersOptions;
  readonly #all: Breaker[] = [];
  readonly #real = new Map<string, Breaker>();
  readonly #trips: Trips[] = [];

  /** Throws TypeError for a `restore` that is not what `save` gave: to begin closed would let through what was held. */
  constructor(options: BreakersOptions) {
    const { restore } = options;
    if (restore !== undefined) {
      const { breaker, types } = read.record(restore, "it");
      read.record(breaker, "breaker");
      read.record(types, "types");
    }
    this.#options = options;
  }

  /** A pair for an action type, or for the agent as a whole. Throws TypeError where what was saved cannot be read. */
  add(settings: BreakerSettings, type?: string): BreakerPair {
    const { restore, clock } = this.#options;
    const saved = type === undefined ? restore?.breaker : ownOf(restore?.types, type);
    const real = this.#make(settings, type, saved);
    const drill = new Breaker({ ...settings, resume: "auto" }, clock.monotonic());
    this.#all.push(real, drill);
    this.#real.set(type ?? "", real);
    return { real, drill };
  }

  sweep(monotonic: number): void {
    for (const breaker of this.#all) breaker.sweep(monotonic);
    for (const trips of this.#trips) trips.sweep(monotonic);
  }

  heard(view: View): void {
    for (const trips of this.#trips) trips.heard(view);
  }

  /** A person's yes to all that are open. */
  approve(): void {
    for (const breaker of this.#real.values()) breaker.approve();
  }

  save(): SavedGuard {
    const { clock } = this.#options;
    const types: Record<string, SavedBreaker> = {};
    for (const [type, breaker] of this.#real) types[type] = breaker.save(clock.monotonic(), clock.now());
    const { "": breaker, ...others } = types;
    if (breaker === undefined) throw new Error("no breaker of the agent's own was added");
    return { breaker, types: others };
  }

  #make(settings: BreakerSettings, type: string | undefined, saved: SavedBreaker | undefined): Breaker {
    const { agent, clock, client, notice } = this.#options;
    const changed = (state: Breaker["state"]): void => {
      trips?.changed(state);
      if (state.name !== "open") return;
      const name = type === undefined ? agent : `${agent}/${type}`;
      const message = `the breaker of ${name} opened: ${state.opening.signal.replaceAll("-", " ")}`;
      notice({ level: "error", code: "breaker-open", message });
    };
    const breaker =
      saved === undefined
        ? new Breaker(settings, clock.monotonic(), changed)
        : Breaker.restore(saved, settings, clock.monotonic(), clock.now(), changed);
    // What resumes by itself never trips the fleet.
    const trips =
      client === null || settings.resume === "auto"
        ? null
        : new Trips({ breaker, agent, type, client, monotonic: () => clock.monotonic() });
    if (trips !== null) this.#trips.push(trips);
    return breaker;
  }
}

/** What was saved for a type; a type may be called as a member that every object has. */
function ownOf(types: SavedGuard["types"] | undefined, type: string): SavedBreaker | undefined {
  return types !== undefined && Object.hasOwn(types, type) ? types[type] : undefined;
}
