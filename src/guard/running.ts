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

/**
 * One call while it runs: its context, its place among the running ones, and what stops it. One object for all of
 * these, and nothing in it is made before somebody asks for it: this is the path of every action.
 */
export class RunningCall implements ActionContext, ObservedAction {
  readonly kind: CallKind;
  readonly input: AnyInput;
  /** What is known about calls of its kind. */
  readonly lane: Lane;
  /** Tickets of the breakers that count it. */
  ticket = 0;
  typeTicket = 0;
  /** Monotonic milliseconds since when an order or silence has forbidden it; 0 while nothing does. */
  forbiddenSince = 0;
  /** Monotonic milliseconds of its abort; 0 before. */
  abortedAt = 0;
  isNamed = false;
  before: RunningCall | null = null;
  after: RunningCall | null = null;
  readonly #given: CallGiven;
  #trace: string | undefined;
  #controller: AbortController | null = null;
  #signal: AbortSignal | null = null;
  #why: Error | null = null;

  constructor(lane: Lane, kind: CallKind, input: unknown, given: CallGiven, trace: string | undefined) {
    this.lane = lane;
    this.kind = kind;
    this.input = input;
    this.#given = given;
    this.#trace = trace;
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
    this.#trace ??= newTraceId();
    return this.#trace;
  }

  get signal(): AbortSignal {
    if (this.#signal !== null) return this.#signal;
    this.#controller = new AbortController();
    if (this.abortedAt > 0) this.#controller.abort(this.#why ?? undefined);
    const { signal: own } = this.#controller;
    this.#signal = this.#given.signal === undefined ? own : AbortSignal.any([own, this.#given.signal]);
    return this.#signal;
  }

  /** Tells the action to end. */
  abort(monotonic: number, why: Error): void {
    if (this.abortedAt > 0) return;
    this.abortedAt = monotonic;
    this.#why = why;
    this.#controller?.abort(why);
  }
}

/** The calls that run now, linked through themselves: adding and removing one allocates nothing. */
export class RunningCalls {
  #first: RunningCall | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(call: RunningCall): void {
    call.after = this.#first;
    if (this.#first !== null) this.#first.before = call;
    this.#first = call;
    this.#size++;
  }

  remove(call: RunningCall): void {
    const { before, after } = call;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after !== null) after.before = before;
    call.before = null;
    call.after = null;
    this.#size--;
  }

  *[Symbol.iterator](): Generator<RunningCall> {
    // The next one is read first: what is done with a call may end it.
    for (let call = this.#first; call !== null;) {
      const next: RunningCall | null = call.after;
      yield call;
      call = next;
    }
  }
}
