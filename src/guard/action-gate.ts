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

/**
 * The gate of one action type: `admit`, then `confirm` right before the action runs, then `begun`, then `done` or
 * `failed`. Together one read of a clock, one object, and nothing that waits.
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
    const { times } = this.core;
    const lane = this.laneOf(given);
    // By the time as it was last known; who would be refused is asked about by the time as it is.
    if (this.#decide(lane) !== null) {
      times.lookAtBoth();
      const reason = this.#decide(lane);
      if (reason !== null) return reason;
    }
    const call = new RunningCall(lane, this.kind, input, given, this.#traceOf(given));
    const isAnomalous = this.#anomaly !== undefined && isMarked(this.#anomaly, call);
    const isTypeAnomalous = this.#typeAnomaly !== undefined && isMarked(this.#typeAnomaly, call);
    // After the tests, which may take their time: what is decided next is decided right before the action runs.
    times.look();
    call.ticket = lane.breaker.begin(this.#isWrite, isAnomalous, times.monotonic);
    if (lane.typeBreaker !== null) {
      call.typeTicket = lane.typeBreaker.begin(this.#isWrite, isTypeAnomalous, times.monotonic);
    }
    return call;
  }

  /**
   * The second asking, right before the action runs: by the time that `admit` looked at last, or by a new look where
   * something was waited for since. A call that is refused here is cancelled.
   */
  confirm(call: RunningCall, hasWaited: boolean): RefusalReason | null {
    const { lease, times } = this.core;
    if (hasWaited) times.lookAtBoth();
    const isHeld = this.#isWrite && call.lane.holdsBegun(call.ticket, call.typeTicket, times.monotonic);
    const reason = decide(call.lane, this.#isWrite, isHeld, lease, times.monotonic, times.wall);
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
    if (this.core.telemetry.isActive) this.#tell(call.lane, "done");
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

  #decide(lane: Lane): RefusalReason | null {
    const { lease, times } = this.core;
    const isHeld = this.#isWrite && lane.holdsWrites(times.monotonic);
    return decide(lane, this.#isWrite, isHeld, lease, times.monotonic, times.wall);
  }

  #settle({ lane, ticket, typeTicket }: RunningCall, isOk: boolean): void {
    const { monotonic } = this.core.times;
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
    // An empty text names no trace: what is recorded under it nobody could take back.
    const given = trace === "" ? undefined : trace;
    return active ?? given ?? (headers === undefined ? undefined : traceOfHeaders(headers));
  }
}

/** A test that fails has found something that it does not know: that is unlike the usual. */
function isMarked(anomaly: AnomalyTest, call: ObservedAction): boolean {
  try {
    return anomaly(call);
  } catch {
    return true;
  }
}
