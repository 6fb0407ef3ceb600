import type { Effect } from "./action-types.ts";
import type { Lane } from "./lane.ts";
import { newTraceId } from "./trace.ts";

/** What the code of an action is told beside its input. */
export interface ActionContext {
  /** Aborted when the action must end: nobody waits for what it still does. Made when it is first asked for. */
  readonly signal: AbortSignal;
  /** The trace under which the action is recorded. */
  readonly trace: string;
  readonly drill: boolean;
  /** What the caller gave as `transaction`. */
  readonly transaction: unknown;
}

/** Whatever the actions of an agent take: a test for all of them cannot know one type. */
export type AnyInput = ReturnType<JSON["parse"]>;

/** An action as an anomaly test sees it, before it runs. */
export interface ObservedAction {
  readonly type: string;
  readonly effect: Effect;
  readonly input: AnyInput;
  /** What it acts on; null where the action does not say. */
  readonly target: string | null;
  readonly subject: string | null;
  readonly drill: boolean;
}

/** What is the same for every call of an action. */
export interface CallKind {
  readonly type: string;
  readonly effect: Effect;
  /** Whether it may end its work within `drain` when it is stopped. */
  readonly finish: boolean;
  readonly target: ((input: AnyInput) => string | null | undefined) | undefined;
  readonly subject: ((input: AnyInput) => string | null | undefined) | undefined;
}

/** What a caller may give with a call, as far as the call itself keeps it. */
export interface CallGiven {
  signal?: AbortSignal | undefined;
  transaction?: unknown;
}

/** What a call has only once somebody asks for it, or it is told to end. */
interface Details {
  trace: string | null;
  controller: AbortController | null;
  signal: AbortSignal | null;
  why: Error | null;
  forbiddenSince: number;
  abortedAt: number;
  isNamed: boolean;
}

/**
 * One call while it runs: its context, its place among the running ones, and what stops it. One small object for all of
 * these, and nothing in it is made before somebody asks for it: this is the path of every action.
 */
export class RunningCall implements ActionContext, ObservedAction {
  /** What is known about calls of its kind. */
  readonly lane: Lane;
  readonly kind: CallKind;
  readonly input: AnyInput;
  /** Tickets of the breakers that count it. */
  ticket = 0;
  typeTicket = 0;
  /** Its place among the running ones. */
  place = -1;
  readonly #given: CallGiven;
  #details: Details | null = null;

  /** @param trace where it is known already; else one is made when it is asked for */
  constructor(lane: Lane, kind: CallKind, input: unknown, given: CallGiven, trace: string | undefined) {
    this.lane = lane;
    this.kind = kind;
    this.input = input;
    this.#given = given;
    if (trace !== undefined) this.#detailed().trace = trace;
  }

  get drill(): boolean {
    return this.lane.drill;
  }

  get type(): string {
    return this.kind.type;
  }

  get effect(): Effect {
    return this.kind.effect;
  }

  get target(): string | null {
    return this.kind.target?.(this.input) ?? null;
  }

  get subject(): string | null {
    return this.kind.subject?.(this.input) ?? null;
  }

  get transaction(): unknown {
    return this.#given.transaction;
  }

  get trace(): string {
    const details = this.#detailed();
    details.trace ??= newTraceId();
    return details.trace;
  }

  get signal(): AbortSignal {
    const details = this.#detailed();
    if (details.signal !== null) return details.signal;
    details.controller = new AbortController();
    if (details.abortedAt > 0) details.controller.abort(details.why ?? undefined);
    const { signal: own } = details.controller;
    details.signal = this.#given.signal === undefined ? own : AbortSignal.any([own, this.#given.signal]);
    return details.signal;
  }

  /** Monotonic milliseconds since when an order or silence has forbidden it; 0 while nothing does. */
  get forbiddenSince(): number {
    return this.#details?.forbiddenSince ?? 0;
  }

  set forbiddenSince(monotonic: number) {
    if (monotonic !== this.forbiddenSince) this.#detailed().forbiddenSince = monotonic;
  }

  /** Monotonic milliseconds of its abort; 0 before. */
  get abortedAt(): number {
    return this.#details?.abortedAt ?? 0;
  }

  /** Whether it was said that it goes on although it was told to end: true the second time that this is asked. */
  nameOnce(): boolean {
    const details = this.#detailed();
    const wasNamed = details.isNamed;
    details.isNamed = true;
    return wasNamed;
  }

  /** Tells the action to end. */
  abort(monotonic: number, why: Error): void {
    const details = this.#detailed();
    if (details.abortedAt > 0) return;
    details.abortedAt = monotonic;
    details.why = why;
    details.controller?.abort(why);
  }

  #detailed(): Details {
    this.#details ??= {
      trace: null,
      controller: null,
      signal: null,
      why: null,
      forbiddenSince: 0,
      abortedAt: 0,
      isNamed: false,
    };
    return this.#details;
  }
}

/** The calls that run now, in no order: adding and removing one moves at most one other. */
export class RunningCalls {
  readonly #calls: RunningCall[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: RunningCall): void {
    call.place = this.#calls.length;
    this.#calls.push(call);
  }

  remove(call: RunningCall): void {
    const last = this.#calls.pop();
    if (last === undefined || last === call) return;
    this.#calls[call.place] = last;
    last.place = call.place;
  }

  /** A copy: what is done with a call may end it, or others. */
  [Symbol.iterator](): Iterator<RunningCall> {
    return [...this.#calls][Symbol.iterator]();
  }
}
