import type { Call, HttpExpectation, CommandExpectation, Refusal } from "../config/call.ts";
import type { HttpSettings } from "../config/schema.ts";
import type { Filling } from "../config/template.ts";

/** Everything a call needs beside itself. */
export interface CallContext extends Filling {
  /** What relative URLs are relative to (`agent.url`), unfilled. */
  base?: string;
  /** Headers beside those of the call (`traceparent`, `clawproof-drill`); commands get them as CLAWPROOF_HEADER_NAME in their environment. */
  headers?: Record<string, string>;
  /** Limit where the call has none of its own; milliseconds. */
  timeoutMs?: number;
  /** Largest answer, in bytes; 1 MB where left out. */
  mostBytes?: number;
  /** A connection of its own. Every request has one, so that no kept one fails; this says that the caller relies on it. */
  fresh?: boolean;
  signal?: AbortSignal;
  http: HttpSettings;
  /** Folder in which commands run and paths begin. */
  directory: string;
  /** clawproof.yaml itself: what is read from there is somebody's word, under whatever name. */
  configFile?: string;
  /** What commands inherit and where HTTPS_PROXY and its like are looked up; left out, commands inherit ours and no proxy is used. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** Times are of the monotonic clock, in milliseconds (performance.now()). */
export interface HttpAnswer {
  via: "http";
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  text: string;
  sentAt: number;
  arrivedAt: number;
}
export interface CommandAnswer {
  via: "command";
  exit: number;
  stdout: string;
  stderr: string;
  sentAt: number;
  arrivedAt: number;
}
export type Answer = HttpAnswer | CommandAnswer;

export type FailureKind =
  "missing-secret" | "timeout" | "gone" | "redirect" | "certificate" | "too-large" | "not-found" | "aborted" | "other";

/** Why no answer came, before it is thrown. */
export interface Failure {
  kind: FailureKind;
  why: string;
}

/** No answer came; `why` is for a person, redacted, without a stack: `connection refused`, `no answer in 2 s`. */
export class CallFailed extends Error {
  override name = "CallFailed";
  readonly kind: FailureKind;
  readonly why: string;
  readonly sentAt: number;
  readonly failedAt: number;
  constructor(kind: FailureKind, why: string, sentAt: number, failedAt: number) {
    super(why);
    this.kind = kind;
    this.why = why;
    this.sentAt = sentAt;
    this.failedAt = failedAt;
  }
}

export type Expectation = HttpExpectation | CommandExpectation;
export type Match = { met: true } | { met: false; why: string };
/** Sends a call and waits for its whole answer. Throws CallFailed. */
export type Send = (call: Call, context: CallContext) => Promise<Answer>;
export type { Call, Refusal };
