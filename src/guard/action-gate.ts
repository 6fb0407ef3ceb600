import type { CallOptions } from "./action-types.ts";
import type { Core, Counts, Lanes } from "./core.ts";
import { decide, type RefusalReason } from "./decide.ts";
import type { Lane } from "./lane.ts";
import { ActionRefused, refusedResult } from "./refusal.ts";
import { refusalOf } from "./refusing.ts";
import { type CallKind, type ObservedAction, RunningCall } from "./running.ts";
import { isDrillRequest, traceOfHeaders } from "./trace.ts";

/** Marks an action as unlike the usual, before it runs. */
export type AnomalyTest = (action: ObservedAction) => boolean;

/** What an action's calls are asked by, and counted with. */
export interface GateParts {
  core: Core;
  lanes: Lanes;
  kind: CallKind;
  anomaly: AnomalyTest | undefined;
  typeAnomaly: AnomalyTest | undefined;
}

const NO_TICKET = 0;

/**
 * The gate of one action type: `admit`, then `confirm` right before the action runs, then `begun`, then `done` or
 * `failed`. Together two reads of a clock, one object, and nothing that waits.
 */
export class ActionGate {
  readonly core: Core;
  readonly kind: CallKind;
  readonly #lanes: Lanes;
  readonly #isWrite: boolean;
  readonly #anomaly: AnomalyTest | undefined;
  readonly #typeAnomaly: AnomalyTest | undefined;

  constructor({ core, lanes, kind, anomaly, typeAnomaly }: GateParts) {
    this.core = core;
    this.kind = kind;
    this.#lanes = lanes;
    this.#isWrite = kind.effect === "write";
    this.#anomaly = anomaly;
    this.#typeAnomaly = typeAnomaly;
  }

  laneOf(given: CallOptions): Lane {
    const isDrill = given.drill === true || (given.headers !== undefined && isDrillRequest(given.headers));
    return isDrill ? this.#lanes.drill : this.#lanes.real;
  }

  /** The first asking. A call that may go on is counted by its breakers, and must be confirmed or cancelled. */
  admit(input: unknown, given: CallOptions): RunningCall | RefusalReason {
    const { core } = this;
    const lane = this.laneOf(given);
    const monotonic = core.clock.monotonic();
    core.monotonic = monotonic;
    const isHeld = this.#isWrite && lane.holdsWrites(monotonic);
    const reason = decide(lane, this.#isWrite, isHeld, core.lease, monotonic, monotonic + core.wallAhead);
    if (reason !== null) return reason;
    const call = new RunningCall(lane, this.kind, input, given, this.#traceOf(given));
    call.ticket = lane.breaker.begin(this.#isWrite, isMarked(this.#anomaly, call), monotonic);
    call.typeTicket =
      lane.typeBreaker === null
        ? NO_TICKET
        : lane.typeBreaker.begin(this.#isWrite, isMarked(this.#typeAnomaly, call), monotonic);
    return call;
  }

  /**
   * The second asking, right before the action runs. Where nothing was waited for since the first, one more read, of the
   * other clock, is enough. A call that is refused here is cancelled.
   */
  confirm(call: RunningCall, hasWaited: boolean): RefusalReason | null {
    const { core } = this;
    if (hasWaited) core.monotonic = core.clock.monotonic();
    const wall = core.clock.now();
    core.wallAhead = wall - core.monotonic;
    const isHeld = this.#isWrite && call.lane.holdsBegun(call.ticket, call.typeTicket, core.monotonic);
    const reason = decide(call.lane, this.#isWrite, isHeld, core.lease, core.monotonic, wall);
    if (reason !== null) this.cancel(call);
    return reason;
  }

  begun(call: RunningCall): void {
    this.#countsOf(call.lane).begun++;
    this.core.running.add(call);
  }

  done(call: RunningCall): void {
    this.core.ended(call);
    this.#settle(call, true);
    this.#countsOf(call.lane).done++;
    this.#tell(call.lane, "done");
  }

  /** What was told to end, or was itself refused, says nothing about whether the action works. */
  failed(call: RunningCall, error: unknown): void {
    this.core.ended(call);
    if (call.abortedAt > 0 || error instanceof ActionRefused) this.cancel(call);
    else this.#settle(call, false);
    this.#countsOf(call.lane).failed++;
    this.#tell(call.lane, "failed");
  }

  /** A call that was counted and does not run. */
  cancel({ lane, ticket, typeTicket }: RunningCall): void {
    lane.breaker.cancel(ticket);
    lane.typeBreaker?.cancel(typeTicket);
  }

  /** How a refused call ends: by throwing, or with what it returns instead of a result. */
  refuse(lane: Lane, reason: RefusalReason, cause?: unknown): object {
    this.#countsOf(lane).refused++;
    this.#tell(lane, reason);
    const refusal = refusalOf(this.core, lane, this.kind.type, reason);
    if (this.core.settings.throws) throw new ActionRefused(refusal, cause === undefined ? undefined : { cause });
    return refusedResult(refusal);
  }

  #settle({ lane, ticket, typeTicket }: RunningCall, isOk: boolean): void {
    const { monotonic } = this.core;
    lane.breaker.end(ticket, this.#isWrite, isOk, monotonic);
    lane.typeBreaker?.end(typeTicket, this.#isWrite, isOk, monotonic);
  }

  #countsOf(lane: Lane): Counts {
    return lane.drill ? this.core.drillCounts : this.core.counts;
  }

  #tell(lane: Lane, outcome: string): void {
    const { telemetry } = this.core;
    if (telemetry.isActive) telemetry.count(this.kind.type, outcome, lane.drill);
  }

  #traceOf({ trace, headers }: CallOptions): string | undefined {
    const { telemetry } = this.core;
    const active = telemetry.isActive ? telemetry.traceId() : undefined;
    return active ?? trace ?? (headers === undefined ? undefined : traceOfHeaders(headers));
  }
}

/** A test that fails has found something that it does not know: that is unlike the usual. */
function isMarked(anomaly: AnomalyTest | undefined, call: ObservedAction): boolean {
  if (anomaly === undefined) return false;
  try {
    return anomaly(call);
  } catch {
    return true;
  }
}
