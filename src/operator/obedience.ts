import { pause } from "../rehearsal/pause.ts";
import type { FleetInstance } from "../switch/protocol/messages.ts";
import type { Clock } from "../values/clock.ts";
import { readFleet } from "./fleet.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

/** Who has obeyed an order, as far as the switch knows. */
export interface Obedience {
  known: number;
  obeyed: number;
  /** Those that have not: `pending` or `silent`. Empty where only their number is known. */
  missing: readonly FleetInstance[];
  /** Milliseconds from sending the order until the last one that obeys was seen to; null where none does. */
  afterMs: number | null;
  /** The switch's newest order when this was seen; null where it could not be asked. */
  epoch: number | null;
  /** Why the switch could not be asked the last time; null where it could. */
  why: string | null;
}

export interface Watch {
  scope: string;
  /** The order's own number. */
  epoch: number;
  /** How many instances the answer to the order knew of. */
  known: number;
  /** 0: one look. */
  waitMs: number;
  /** When the order was sent; monotonic. */
  since: number;
  clock: Clock;
  signal: AbortSignal;
  /** Told of every look. */
  seen: (obedience: Obedience) => void;
}

/** Starts of looks are at least this far apart, and leave the switch as long as they take it. */
const LEAST_BETWEEN_MS = 100;

/**
 * Watches instances obey until all do or the time is over. Those that were silent at every look are not waited for: their
 * lease is over, and the next that they hear is the order. An unwilling switch is no error.
 */
export async function watchObedience(target: OwnTarget, watch: Watch): Promise<Obedience> {
  const { clock, signal, waitMs } = watch;
  let last: Obedience = { known: watch.known, obeyed: 0, missing: [], afterMs: null, epoch: null, why: null };
  const deadline = clock.monotonic() + waitMs;
  const alive = new Set<string>();
  while (watch.known > 0) {
    const began = clock.monotonic();
    const seen = await look(target, watch, last);
    last = seen.obedience;
    watch.seen(last);
    for (const one of seen.alive) alive.add(one);
    const awaited = last.missing.some((one) => one.state !== "silent" || alive.has(keyOf(one)));
    if (seen.isRefused || (last.why === null && !awaited) || signal.aborted) break;
    const next = Math.max(LEAST_BETWEEN_MS, clock.monotonic() - began);
    if (clock.monotonic() + next >= deadline) break;
    await pause(next, signal);
  }
  return last;
}

interface Look {
  obedience: Obedience;
  /** Those that are not silent. */
  alive: readonly string[];
  /** Asking again would be refused again. */
  isRefused: boolean;
}

async function look(target: OwnTarget, watch: Watch, last: Obedience): Promise<Look> {
  try {
    const { instances, epoch } = await readFleet(target, watch.scope, watch.signal);
    const missing = instances.filter((one) => !hasApplied(one, watch.epoch)).map(asMissing);
    const obeyed = instances.length - missing.length;
    const now = obeyed === 0 ? null : watch.clock.monotonic() - watch.since;
    const afterMs = obeyed === last.obeyed ? last.afterMs : now;
    const alive = instances.filter(({ state }) => state !== "silent").map(keyOf);
    const why = null;
    return { obedience: { known: instances.length, obeyed, missing, afterMs, epoch, why }, alive, isRefused: false };
  } catch (error) {
    if (!(error instanceof SwitchProblem)) throw error;
    return { obedience: { ...last, why: error.message }, alive: [], isRefused: error.kind === "refused" };
  }
}

/** After a release nothing is forbidden, so that an instance obeys before it has heard: it is asked to have heard. */
function hasApplied({ state, epoch }: FleetInstance, order: number): boolean {
  return state === "obeyed" && epoch >= order;
}

function asMissing(one: FleetInstance): FleetInstance {
  return one.state === "obeyed" ? { ...one, state: "pending" } : one;
}

function keyOf({ agent, instance }: FleetInstance): string {
  return `${agent}\n${instance}`;
}
