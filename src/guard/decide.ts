import type { Lease } from "../switch/client/hearing.ts";
import type { Mode } from "../switch/protocol/mode.ts";

/** Why an action may not run. `breaker`: an automatic protection holds it, here or over the fleet; the others are what people or silence did. */
export type RefusalReason = "stopped" | "read-only" | "lost" | "never-heard" | "breaker" | "ledger";

/** What may be done by an agent that has not heard the switch for longer than the lease. */
export type WhenLost = "read-only" | "stopped";

/** What is known about one kind of call: an action type, real or of a drill. */
export interface CallView {
  /** The strictest order in force that covers it; `running` too where nothing was ever heard. */
  mode: Mode;
  /** Whether every order that holds it was given by a breaker. */
  byBreaker: boolean;
  /** Whether the switch was ever heard. */
  heard: boolean;
  whenLost: WhenLost;
}

/**
 * Whether a call may run now: null, or why not. Pure; it is asked before an action and again right before it runs.
 * What persons ordered comes first, then silence, then the breaker: the reason names who has to act.
 * @param breakerHolds whether a breaker of this agent holds writes
 * @param monotonic now, in milliseconds on the clock that never goes back
 * @param wall now, in epoch milliseconds; the lease is over when it is over on either clock
 */
export function decide(
  view: CallView,
  isWrite: boolean,
  breakerHolds: boolean,
  lease: Lease,
  monotonic: number,
  wall: number,
): RefusalReason | null {
  if (view.mode === "stopped") return "stopped";
  if (isWrite && view.mode === "read-only") return view.byBreaker ? "breaker" : "read-only";
  if ((monotonic > lease.monotonicUntil || wall > lease.wallUntil) && (isWrite || view.whenLost === "stopped")) {
    return view.heard ? "lost" : "never-heard";
  }
  return isWrite && breakerHolds ? "breaker" : null;
}

/** The mode that a view amounts to for everything of its kind: silence counts as what was chosen for it. */
export function effectiveMode(view: CallView, lease: Lease, monotonic: number, wall: number): Mode {
  const isLost = monotonic > lease.monotonicUntil || wall > lease.wallUntil;
  if (view.mode === "stopped" || (isLost && view.whenLost === "stopped")) return "stopped";
  return isLost ? "read-only" : view.mode;
}
