import type { Clock } from "../values/clock.ts";
import type { Lease } from "../switch/client/hearing.ts";
import type { Target } from "../switch/protocol/scope.ts";
import type { View } from "../switch/protocol/view.ts";
import type { Breaker } from "./breaker/breaker.ts";
import type { BreakerSettings } from "./breaker/settings.ts";
import type { BreakerPair, Breakers } from "./breakers.ts";
import { decide, effectiveMode, type RefusalReason } from "./decide.ts";
import { Lane } from "./lane.ts";
import type { GuardClient } from "./guard.ts";
import type { GuardSettings, Notice } from "./options.ts";
import { ActionRefused } from "./refusal.ts";
import { refusalOf } from "./refusing.ts";
import { type RunningCall, RunningCalls } from "./running.ts";
import { Stopping } from "./stopping.ts";
import { Telemetry } from "./telemetry.ts";
import { Times } from "./times.ts";

/** How often time itself is looked at: leases that end, drains that are over, half-open writes that never return. */
const SWEEP_MS = 100;
const FOREVER = { monotonicUntil: Number.POSITIVE_INFINITY, wallUntil: Number.POSITIVE_INFINITY };
const OVER = { monotonicUntil: Number.NEGATIVE_INFINITY, wallUntil: Number.NEGATIVE_INFINITY };

export interface Counts {
  begun: number;
  done: number;
  failed: number;
  refused: number;
}

/** An action type's two lanes. */
export interface Lanes {
  real: Lane;
  drill: Lane;
}

export interface CoreOptions {
  settings: GuardSettings;
  breakerSettings: BreakerSettings;
  breakers: Breakers;
  /** Null where no switch holds the agent. */
  client: GuardClient | null;
  notice: (notice: Notice) => void;
  clock: Clock;
}

/** What all actions of a guard share: what is known, what runs, and what stops it. */
export class Core {
  readonly settings: GuardSettings;
  readonly breakerSettings: BreakerSettings;
  readonly clock: Clock;
  readonly running = new RunningCalls();
  readonly counts: Counts = noCounts();
  readonly drillCounts: Counts = noCounts();
  readonly telemetry: Telemetry;
  readonly stopping: Stopping;
  /** Of all calls; those of drills have their own. */
  readonly breaker: BreakerPair;
  /** What covers every action type. */
  readonly all: Lanes;
  /** What calls are asked by. The switch's client moves its ends, until the guard is closed: then none is left. */
  lease: Lease;
  readonly times: Times;
  readonly #breakers: Breakers;
  readonly #client: GuardClient | null;
  readonly #notice: (notice: Notice) => void;
  readonly #byType = new Map<string, Lanes>();
  readonly #timer: NodeJS.Timeout;
  /** Who waits for the switch: told null once it was heard, else why it never will be. */
  readonly #waiting = new Set<(why: Error | null) => void>();
  /** What was heard last, which holds what runs also after the guard was closed. */
  readonly #heard: Lease;
  #view: View = null;
  #wasLost: boolean;
  #isClosed = false;

  constructor({ settings, breakerSettings, breakers, client, notice, clock }: CoreOptions) {
    this.settings = settings;
    this.breakerSettings = breakerSettings;
    this.clock = clock;
    this.#breakers = breakers;
    this.#client = client;
    this.#notice = notice;
    this.times = new Times(clock);
    this.#heard = client?.lease ?? FOREVER;
    this.lease = this.#heard;
    this.#wasLost = client !== null;
    this.breaker = breakers.add(breakerSettings);
    this.all = this.#lanesOf(null, true, null);
    this.telemetry = new Telemetry({
      agent: settings.agent,
      version: settings.version,
      mode: () => this.modeOf(this.all.real),
      breakerIsOpen: () => this.breaker.real.state.name !== "closed",
    });
    this.stopping = new Stopping(() => this.modeOf(this.all.real) === "stopped");
    client?.onChange(() => this.#take(client.view));
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  get view(): View {
    return this.#view;
  }

  /** Resolves once the switch was heard. */
  async ready(timeoutMs: number): Promise<void> {
    const { agent, killSwitch } = this.settings;
    if (this.#isClosed) throw closedError(agent);
    if (this.#client === null || this.#view !== null) return;
    const where = killSwitch?.urls.join(", ") ?? "";
    await new Promise<void>((resolve, reject) => {
      const end = (why: Error | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        if (why === null) resolve();
        else reject(why);
      };
      const words = `${agent} has not heard its kill switch at ${where} within ${timeoutMs} ms: it does not write`;
      const timer = setTimeout(() => end(new Error(words)), timeoutMs);
      this.#waiting.add(end);
    });
  }

  /** The lanes of an action type; with breakers of its own where it asks for them. Made once a type. */
  register(type: string, isWrite: boolean, own: BreakerPair | null): Lanes {
    const lanes = this.#lanesOf(type, isWrite, own);
    this.#byType.set(type, lanes);
    for (const lane of [lanes.real, lanes.drill]) lane.take(this.#view);
    return lanes;
  }

  /** The lane of a call; for a type that nobody registered one that is made for the question. */
  lane(type: string, drill: boolean): Lane {
    const lanes = this.#byType.get(type);
    if (lanes !== undefined) return drill ? lanes.drill : lanes.real;
    const one = this.#laneOf(type, true, drill, null);
    one.take(this.#view);
    return one;
  }

  /** Takes a new word of the switch, ends what it forbids, and only then is it reported as applied. */
  #take(view: View): void {
    this.#view = view;
    for (const { real, drill } of [this.all, ...this.#byType.values()]) {
      real.take(view);
      drill.take(view);
    }
    this.#breakers.heard(view);
    this.#sweep();
    for (const end of this.#waiting) end(null);
  }

  /** Whether a call may run, by the clocks as they are now. */
  ask(lane: Lane, isWrite: boolean): RefusalReason | null {
    const { times } = this;
    times.lookAtBoth();
    const { monotonic, wall } = times;
    return decide(lane, isWrite, isWrite && lane.holdsWrites(monotonic), this.lease, monotonic, wall);
  }

  modeOf(lane: Lane): Lane["mode"] {
    return effectiveMode(lane, this.lease, this.clock.monotonic(), this.clock.now());
  }

  /** Running actions that an order in force forbids, by type. */
  forbidden(): Record<string, number> {
    const counts = new Map<string, number>();
    for (const call of this.running) {
      if (isForbidden(call)) counts.set(call.type, (counts.get(call.type) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  }

  /** A call has ended. */
  ended(call: RunningCall): void {
    this.running.remove(call);
    if (call.forbiddenSince === 0) return;
    this.#client?.reportSoon();
    this.#settle();
  }

  /** Looks at everything that only time changes. */
  #sweep(): void {
    this.times.lookAtBoth();
    const { monotonic, wall } = this.times;
    if (!this.#isClosed) {
      this.#breakers.sweep(monotonic);
      this.#tellOfLease(monotonic, wall);
    }
    if (this.running.size > 0) for (const call of this.running) this.#enforce(call, monotonic, wall);
    else if (this.#isClosed) clearInterval(this.#timer);
    if (this.#isClosed) return;
    this.#settle();
    this.telemetry.look();
  }

  /**
   * Nobody listens to the switch any more: nothing begins by what was heard. What runs already may go on to the end of that
   * lease, and is told to end then, as it is wherever the switch is not heard.
   */
  close(): void {
    this.#isClosed = true;
    this.lease = { ...OVER };
    for (const end of this.#waiting) end(closedError(this.settings.agent));
    this.telemetry.close();
  }

  /** Ends a running call that may not run any longer: at once, or after `drain` where it may finish. */
  #enforce(call: RunningCall, monotonic: number, wall: number): void {
    const reason = decide(call.lane, call.effect === "write", false, this.#heard, monotonic, wall);
    if (reason === null) {
      if (call.abortedAt === 0) call.forbiddenSince = 0;
      return;
    }
    // Silence counts from the end of the lease, whenever that was seen.
    const since = isForbidden(call) ? monotonic : Math.min(monotonic, this.#heard.monotonicUntil);
    if (call.forbiddenSince === 0) call.forbiddenSince = Math.max(since, Number.MIN_VALUE);
    const isDrained = monotonic >= call.forbiddenSince + this.settings.drainMs;
    if (!call.kind.finish || isDrained)
      call.abort(monotonic, new ActionRefused(refusalOf(this, call.lane, call.type, reason)));
    if (!isDrained || call.nameOnce()) return;
    this.#notice({
      level: "error",
      code: "ignores-signal",
      message: `${call.type} still runs ${this.settings.drainMs} ms after it was told to end: it ignores its signal`,
    });
  }

  #tellOfLease(monotonic: number, wall: number): void {
    const isLost = monotonic > this.lease.monotonicUntil || wall > this.lease.wallUntil;
    if (isLost === this.#wasLost) return;
    this.#wasLost = isLost;
    const { agent, whenLost } = this.settings;
    this.#notice(
      isLost
        ? {
            level: "error",
            code: "lost",
            message: `${agent} has not heard its kill switch for longer than the lease: it is ${whenLost}`,
          }
        : { level: "info", code: "heard", message: `${agent} hears its kill switch` },
    );
  }

  #settle(): void {
    this.stopping.settle(() => {
      for (const call of this.running) if (call.forbiddenSince > 0) return false;
      return true;
    });
  }

  #lanesOf(type: string | null, isWrite: boolean, own: BreakerPair | null): Lanes {
    return { real: this.#laneOf(type, isWrite, false, own), drill: this.#laneOf(type, isWrite, true, own) };
  }

  #laneOf(type: string | null, isWrite: boolean, drill: boolean, own: BreakerPair | null): Lane {
    const { agent, version, whenLost } = this.settings;
    const target: Target = { agent, version, type, drill };
    const of = ({ real, drill: ofDrills }: BreakerPair): Breaker => (drill ? ofDrills : real);
    const beside = drill ? [this.breaker.real, ...(own === null ? [] : [own.real])] : [];
    const breakers = { own: of(this.breaker), type: own && of(own), beside };
    return new Lane(target, isWrite, whenLost, breakers, this.#client === null);
  }
}

/** Whether an order in force, not silence, forbids it. */
function isForbidden({ lane, effect }: RunningCall): boolean {
  return lane.mode === "stopped" || (lane.mode === "read-only" && effect === "write");
}

function closedError(agent: string): Error {
  return new Error(`the guard of ${agent} is closed: it writes no more`);
}

function noCounts(): Counts {
  return { begun: 0, done: 0, failed: 0, refused: 0 };
}
