import type { Mode } from "./mode.ts";
import type { Cause, Order, Standing } from "./order.ts";
import type { Role } from "./roles.ts";

/** What goes over the wire (contract, section 4). Times `at` are ISO 8601; `sentAt` is a clock of the service's own. */

/** `GET /v1/state` and the event `state`. */
export interface StateMessage extends Standing {
  leaseSeconds: number;
  /** Milliseconds on a clock that never goes back while the service runs; close to the epoch's. Only differences count. */
  sentAt: number;
  /** Names one run of the service: another `boot`, another clock. */
  boot: string;
}

/** The event `beat`, once a second. */
export interface BeatMessage {
  series: string;
  epoch: number;
  sentAt: number;
  boot: string;
}

export interface KillRequest {
  scope: string;
  /** Default `stopped`. */
  mode?: Exclude<Mode, "running"> | undefined;
  reason: string;
  /** Only under `drill/`; 1 to 86,400. */
  ttlSeconds?: number | undefined;
}

export interface ReleaseRequest {
  scope: string;
  reason: string;
  /** The newest order that the caller means to end: a later one on the scope is left (409). */
  ifEpoch?: number | undefined;
  /** SHA-256 in hex of what a drill measured. */
  evidence?: string | undefined;
}

export interface TripRequest {
  instance: string;
  signal: string;
  figures: Record<string, unknown>;
  /** An action type: the order is put on `AGENT/TYPE` instead of `AGENT`. */
  type?: string | undefined;
}

/** The answer to kill, release and trip. */
export interface OrderAnswer {
  series: string;
  epoch: number;
  scope: string;
  /** What the scope may do now, orders on wider scopes included. */
  mode: Mode;
  by: string;
  at: string;
  /** False where the order could not be written to disk: it is in force, but a restart would lose it. */
  durable: boolean;
  cause: Cause;
  instances: { known: number; obeyed: number };
  /** Orders of other scopes that cover this one, and of this scope the other cause's. */
  covering: readonly Order[];
  /** Release: what it ended. */
  ended?: readonly Order[];
  replayed?: true;
}

/** `POST /v1/report`: what an instance has applied. */
export interface ReportRequest {
  instance: string;
  agent: string;
  version?: string | undefined;
  series: string;
  epoch: number;
  /** Actions still running that an order in force forbids, by type. */
  running?: Record<string, number> | undefined;
  counts?: Record<string, number> | undefined;
}

/**
 * `obeyed`: the instance has applied the newest order that concerns it, and nothing that it forbids still runs.
 * `pending`: not yet. `silent`: no report for longer than the lease, by which time it must have stopped writing.
 */
export type Obedience = "obeyed" | "pending" | "silent";

export interface FleetInstance {
  instance: string;
  agent: string;
  version: string | null;
  epoch: number;
  mode: Mode;
  state: Obedience;
  running: Record<string, number>;
  counts: Record<string, number>;
  /** ISO 8601. */
  seenAt: string;
}

/** `GET /v1/fleet`. */
export interface FleetAnswer {
  series: string;
  epoch: number;
  instances: FleetInstance[];
}

/** The kinds of entries of the log that are orders: each has an epoch of its own. */
export const ORDER_KINDS = ["kill", "release", "trip", "expired"] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

/** A token as it may be shown: never the token itself, of which only a hash is kept. Times are ISO 8601. */
export interface TokenInfo {
  id: string;
  name: string;
  roles: Role[];
  agent: string | null;
  createdAt: string;
  createdBy: string;
  expiresAt: string | null;
  revokedAt: string | null;
}

/** `POST /v1/tokens`. */
export interface TokenRequest {
  name: string;
  roles: readonly Role[];
  /** Only with the role `agent`, and always then. */
  agent?: string | undefined;
  expiresInSeconds?: number | undefined;
}

/** The answer that says a token, this once. */
export interface TokenAnswer extends TokenInfo {
  token: string;
}
