import type { Mode } from "../switch/protocol/mode.ts";
import type { RefusalReason } from "./decide.ts";

/** What a refused call is told. */
export interface Refusal {
  agent: string;
  type: string;
  reason: RefusalReason;
  /** What the agent may do now. */
  mode: Mode;
  /** For whoever operates the agent: in words, who has to act. */
  message: string;
  /** For whoever uses the agent; null where no fallback was given. */
  fallback: string | null;
  /** Seconds after which asking again makes sense. */
  retryAfterSeconds: number;
}

/** Thrown by a guarded action that may not run: nothing was changed. */
export class ActionRefused extends Error implements Refusal {
  override readonly name = "ActionRefused";
  readonly agent: string;
  readonly type: string;
  readonly reason: RefusalReason;
  readonly mode: Mode;
  readonly fallback: string | null;
  readonly retryAfterSeconds: number;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.message, options);
    this.agent = refusal.agent;
    this.type = refusal.type;
    this.reason = refusal.reason;
    this.mode = refusal.mode;
    this.fallback = refusal.fallback;
    this.retryAfterSeconds = refusal.retryAfterSeconds;
  }
}

/** What a guarded action resolves to instead of throwing, with `refused: "result"`. */
export interface RefusedResult {
  refused: true;
  reason: RefusalReason;
  /** The fallback, else what the operator would read. */
  message: string;
}

export function refusedResult({ reason, fallback, message }: Refusal): RefusedResult {
  return { refused: true, reason, message: fallback ?? message };
}

const WORDS: Record<RefusalReason, string> = {
  stopped: "the kill switch has stopped it",
  "read-only": "the kill switch lets it read only",
  lost: "the kill switch was not heard for longer than the lease",
  "never-heard": "the kill switch was never heard",
  breaker: "its circuit breaker is open",
  ledger: "what undoing it would need could not be recorded",
};

/** One sentence for the operator: a person's order and an opened breaker never read alike. */
export function refusalMessage(agent: string, type: string, reason: RefusalReason, why?: string): string {
  return `${agent} may not ${type}: ${WORDS[reason]}${why === undefined ? "" : ` (${why})`}`;
}

/** The answer to a user's request that was refused: 503 with `Retry-After`, and the fallback as plain text. */
export function refusalResponse({ fallback, retryAfterSeconds }: Refusal, text: string | null = fallback): Response {
  return new Response(text ?? "This is paused at the moment. Nothing was changed; please try again later.", {
    status: 503,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "retry-after": String(retryAfterSeconds),
    },
  });
}
