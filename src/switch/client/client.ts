import type { Clock } from "../../values/clock.ts";
import type { OrderAnswer } from "../protocol/messages.ts";
import type { View } from "../protocol/view.ts";
import type { SwitchNotice } from "./notice.ts";

export interface SwitchClientOptions {
  /** Addresses of one service, tried in this order: `https://HOST[:PORT][/PATH]`. */
  urls: readonly string[];
  token: string;
  agent: string;
  version?: string | undefined;
  /** Which of the agent's running copies this is. */
  instance: string;
  /** The agent's own lease; the shorter of it and the service's holds. */
  leaseMs: number;
  clock?: Clock;
  /** Certificates of authorities of one's own, PEM, in place of those that Node knows. */
  ca?: string | undefined;
  /** Actions still running that an order in force forbids, by type; asked whenever a report is sent. */
  running(): Record<string, number>;
  counts?: () => Record<string, number>;
  /** Called with what whoever runs the agent should hear of; the same at most once a minute. */
  notice(notice: SwitchNotice): void;
}

/** Until when, by each clock, the agent may act on what it last heard. Past either of them the lease is over. */
export interface Lease {
  /** Monotonic milliseconds. */
  monotonicUntil: number;
  /** Epoch milliseconds. */
  wallUntil: number;
}

export interface Trip {
  /** Which of the breaker's signals. */
  signal: string;
  figures: Record<string, unknown>;
  /** The type of action whose own breaker opened; an agent's breaker has none. */
  type?: string | undefined;
}

/** How an agent follows the kill switch service. Nothing in here keeps the process from ending. */
export class SwitchClient {
  /** The same object for ever, and plain numbers: read at every action. `-Infinity` before anything was heard. */
  readonly lease: Lease = { monotonicUntil: Number.NEGATIVE_INFINITY, wallUntil: Number.NEGATIVE_INFINITY };

  constructor(options: SwitchClientOptions) {
    void options;
  }

  /** What was heard last; it never goes back. */
  get view(): View {
    return null;
  }

  /** Begins to listen. */
  start(): void {}

  /** Called at once when the view has changed, before its lease begins and before anything is reported. */
  onChange(listener: () => void): void {
    void listener;
  }

  /** Something that reports tell has changed: send one as soon as the last is answered. */
  reportSoon(): void {}

  /**
   * Asks the switch for the order that follows from an opened breaker, and repeats that until it is answered.
   * Throws TripRefused where the switch will never give it, ClientClosed after `close`.
   */
  trip(trip: Trip, idempotencyKey: string): Promise<OrderAnswer> {
    return Promise.reject(new Error(`${trip.signal} ${idempotencyKey}`));
  }

  /** Ends all connections. */
  async close(): Promise<void> {}
}
