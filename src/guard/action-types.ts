import type { BreakerOptions } from "./breaker/settings.ts";
import type { ActionContext, ObservedAction } from "./running.ts";
import type { HeadersLike } from "./trace.ts";
import type { RecordedDefinition } from "./undo-types.ts";

export type Effect = "read" | "write";

/** What an agent says of one of its actions. */
export interface ActionDefinition<Input, Result> extends RecordedDefinition<Input, Result> {
  /** Default `write`: what is not known to read is held like a write. */
  effect?: Effect;
  /** What it acts on, such as `subscription/7`. */
  target?: (input: Input) => string | null | undefined;
  /** Whom it concerns. */
  subject?: (input: Input) => string | null | undefined;
  /** May end its work within `drain` when it is stopped; what does not say so is told to end at once. */
  finish?: boolean;
  /** A breaker of its own beside the agent's: `true` for one with the agent's settings. */
  breaker?: true | BreakerOptions<ObservedAction>;
  /**
   * What it does. TypeScript learns the types of input and result here, from top to bottom: write it first where others take
   * them and it takes a context, else they see `any` and `unknown`.
   */
  run: (input: Input, context: ActionContext) => Result | PromiseLike<Awaited<Result>>;
}

/** What may be given with one call of a guarded action. */
export interface CallOptions {
  /** Used where no OpenTelemetry span is active; a new one where neither is there. */
  trace?: string | undefined;
  /** Ends the action too. */
  signal?: AbortSignal | undefined;
  /** Part of a drill: obeys real and drill orders, and is counted apart. */
  drill?: boolean | undefined;
  /** Of the request that led to it: `traceparent` gives the trace, `clawproof-drill: 1` marks a drill. */
  headers?: HeadersLike | undefined;
  /** Handed to `run` as it is; where the action `joins`, its record is written within it. */
  transaction?: unknown;
}

/** Resolves to what `run` resolves to; refused, it throws `ActionRefused` or resolves to a `RefusedResult`. */
export type GuardedAction<Input, Result> = (input: Input, options?: CallOptions) => Promise<Result>;
