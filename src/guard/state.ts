import type { Mode } from "../switch/protocol/mode.ts";
import type { Order } from "../switch/protocol/order.ts";
import { formatDuration } from "../values/duration.ts";
import type { Breaker } from "./breaker/breaker.ts";
import type { BreakerSettings } from "./breaker/settings.ts";
import type { BreakerState } from "./breaker/state.ts";
import type { Core, Counts } from "./core.ts";

/** A breaker as it is shown. */
export interface BreakerView {
  state: BreakerState["name"];
  /** What opened it; null while it is closed. */
  signal: string | null;
  figures: Readonly<Record<string, number>> | null;
  /** Of the window that ends now. */
  counts: ReturnType<Breaker["counts"]>;
}

/** Everything that a guard knows of itself. */
export interface GuardState {
  agent: string;
  version: string | null;
  instance: string;
  mode: Mode;
  /** Null where no switch holds the agent. */
  killSwitch: {
    heard: boolean;
    series: string | null;
    epoch: number | null;
    /** Milliseconds until the lease is over, by the stricter clock; 0 once it is. */
    leaseLeftMs: number;
    /** In force over this agent. */
    orders: readonly Order[];
  } | null;
  breaker: BreakerView;
  drill: { mode: Mode; breaker: BreakerView; counts: Counts };
  /** How many actions run, and those of them that should have ended, by type. */
  running: number;
  forbidden: Record<string, number>;
  counts: Counts;
}

export function stateOf(core: Core): GuardState {
  const { settings, view, lease, all, clock } = core;
  const left = Math.min(lease.monotonicUntil - clock.monotonic(), lease.wallUntil - clock.now());
  return {
    agent: settings.agent,
    version: settings.version ?? null,
    instance: settings.instance,
    mode: core.modeOf(all.real),
    killSwitch:
      settings.killSwitch === null
        ? null
        : {
            heard: all.real.heard,
            series: view?.series ?? null,
            epoch: view?.epoch ?? null,
            leaseLeftMs: Math.max(0, Math.round(left)),
            orders: all.real.orders,
          },
    breaker: breakerView(core.breaker.real, clock.monotonic()),
    drill: {
      mode: core.modeOf(all.drill),
      breaker: breakerView(core.breaker.drill, clock.monotonic()),
      counts: { ...core.drillCounts },
    },
    running: core.running.size,
    forbidden: core.forbidden(),
    counts: { ...core.counts },
  };
}

function breakerView(breaker: Breaker, monotonic: number): BreakerView {
  const { state } = breaker;
  const opening = state.name === "closed" ? null : state.opening;
  return {
    state: state.name,
    signal: opening?.signal ?? null,
    figures: opening?.figures ?? null,
    counts: breaker.counts(monotonic),
  };
}

/** A breaker's limits under the names and with the units that the audit reads. */
export function settingsView(settings: BreakerSettings): Record<string, string | number> {
  const { anomalyRatePct, windowMs, cooldownMs, halfOpenTimeLimitMs, ...others } = settings;
  return {
    ...others,
    // Named only where something is looked for: a limit that nothing is held against would be a claim.
    ...(anomalyRatePct === null ? {} : { anomalyRatePct }),
    window: formatDuration(windowMs),
    cooldown: formatDuration(cooldownMs),
    halfOpenTimeLimit: formatDuration(halfOpenTimeLimitMs),
  };
}
