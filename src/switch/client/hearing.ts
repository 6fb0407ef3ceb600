import type { BeatMessage, StateMessage } from "../protocol/messages.ts";
import { hear, type View } from "../protocol/view.ts";
import { Anchor } from "./anchor.ts";
import { type Instant, SteadyTime } from "./steady.ts";

/** Until when, by each clock, the agent may act on what it last heard. Past either of them the lease is over. */
export interface Lease {
  /** Monotonic milliseconds. */
  monotonicUntil: number;
  /** Epoch milliseconds. */
  wallUntil: number;
}

/**
 * What became of a message. Heard are only `heard` and `stale`; the others renew nothing.
 * `stale`: already older than half the lease: ask on a new connection, which gives a fresh anchor.
 * `other-boot`: another run of the service on the same connection: its times mean nothing here.
 * `replayed`: sent before it was asked for: something in between keeps answers.
 * `ahead`: a beat tells of an order that we have not heard.
 * `behind`: older than what we know, perhaps only late: ask.
 * `lost-order`: the service does not know an order that we had heard before we asked.
 */
export type Verdict =
  "heard" | "stale" | "other-boot" | "replayed" | "other-series" | "ahead" | "behind" | "lost-order";

export interface Heard {
  verdict: Verdict;
  /** Whether the view is another now. */
  changed: boolean;
}

/** A request that messages answer: a stream, or one poll. */
export interface Asked {
  /** Steady milliseconds. */
  at: number;
  /** The view's epoch when it was sent: whoever answers must know of that. */
  epoch: number;
  /** The newest message when it was sent. */
  newest: Newest | null;
  /** How often we had been refused. */
  refusals: number;
  anchor: Anchor | null;
}

interface Newest {
  boot: string;
  sentAt: number;
  /** Steady milliseconds, when it was received. */
  received: number;
}

/** Two roundings of a millisecond: so much later than a message an answer cannot carry the same time. */
const SAME_TIME_MS = 2;

/**
 * What is known of the switch, and for how long it may be relied on (contract, section 5). Nothing here reads a clock or
 * waits: moments come in, and no timer is trusted. For every message the moment of its sending is bounded from below; the
 * lease is counted from the latest bound of what was heard.
 */
export class Hearing {
  readonly #ownLeaseMs: number;
  readonly #time = new SteadyTime();
  #view: View = null;
  /** When what was heard last was sent, at the soonest. Steady milliseconds, as the others. */
  #sent = Number.NEGATIVE_INFINITY;
  #serviceLeaseMs = Number.POSITIVE_INFINITY;
  /** When the message was sent that said so. */
  #leaseSaid = Number.NEGATIVE_INFINITY;
  #newest: Newest | null = null;
  #refusals = 0;

  constructor(ownLeaseMs: number) {
    this.#ownLeaseMs = ownLeaseMs;
  }

  get view(): View {
    return this.#view;
  }

  /** Milliseconds: the smaller of the service's and our own. */
  get leaseMs(): number {
    return Math.min(this.#ownLeaseMs, this.#serviceLeaseMs);
  }

  lease(): Lease {
    const { monotonic, wall } = this.#time.shown(this.#sent + this.leaseMs);
    return { monotonicUntil: monotonic, wallUntil: wall };
  }

  /** A look at the clocks: a sleep, or a wall clock that was set, is seen by it. */
  look(at: Instant): void {
    this.#time.of(at);
  }

  /** Before a request is sent. */
  ask(at: Instant): Asked {
    const epoch = this.#view?.epoch ?? 0;
    return { at: this.#time.of(at), epoch, newest: this.#newest, refusals: this.#refusals, anchor: null };
  }

  state(asked: Asked, message: StateMessage, received: Instant): Heard {
    const at = this.#time.of(received);
    if (isReplayed(asked, message)) return unheard("replayed");
    const sent = this.#sending(asked, message, at);
    const past = this.#past(asked, message);
    if (past !== null) return unheard(past);
    const { series, epoch, orders } = message;
    const before = this.#view;
    this.#view = hear(before, { series, epoch, orders });
    // Of one epoch the orders are joined: there are more of them, or they are the same.
    const changed = before?.epoch !== epoch || before.orders.length !== this.#view?.orders.length;
    if (!changed) this.#view = before;
    if (sent === null) return { verdict: "other-boot", changed };
    this.#takeLease(message.leaseSeconds * 1_000, sent);
    return { verdict: this.#renew(asked, sent, at), changed };
  }

  beat(asked: Asked, message: BeatMessage, received: Instant): Heard {
    const at = this.#time.of(received);
    if (isReplayed(asked, message)) return unheard("replayed");
    const sent = this.#sending(asked, message, at);
    const past = this.#past(asked, message);
    if (past !== null) return unheard(past);
    if (this.#view === null || message.epoch > this.#view.epoch) return unheard("ahead");
    if (sent === null) return unheard("other-boot");
    return { verdict: this.#renew(asked, sent, at), changed: false };
  }

  /** The service does not know our token: the lease is over, and nothing asked before begins another. */
  refused(): void {
    this.#refusals++;
    this.#sent = Number.NEGATIVE_INFINITY;
  }

  /** When the message was sent, at the soonest; null where the connection's anchor is another boot's. */
  #sending(asked: Asked, { boot, sentAt }: BeatMessage, at: number): number | null {
    asked.anchor ??= new Anchor(boot, sentAt, asked.at);
    if (asked.anchor.boot !== boot) return null;
    if (this.#newest?.boot !== boot || this.#newest.sentAt < sentAt) {
      this.#newest = { boot, sentAt, received: at };
    }
    return asked.anchor.sending(sentAt, at);
  }

  #past(asked: Asked, { series, epoch }: BeatMessage): Verdict | null {
    if (this.#view === null) return null;
    if (series !== this.#view.series) return "other-series";
    if (epoch >= this.#view.epoch) return null;
    return epoch < asked.epoch ? "lost-order" : "behind";
  }

  /** A shorter lease holds whenever it was said; a longer one only where it is the latest word. */
  #takeLease(leaseMs: number, sent: number): void {
    if (leaseMs > this.#serviceLeaseMs && sent < this.#leaseSaid) return;
    this.#serviceLeaseMs = leaseMs;
    this.#leaseSaid = Math.max(this.#leaseSaid, sent);
  }

  #renew(asked: Asked, sent: number, at: number): Verdict {
    if (asked.refusals === this.#refusals) this.#sent = Math.max(this.#sent, sent);
    return at - sent > this.leaseMs / 2 ? "stale" : "heard";
  }
}

function unheard(verdict: Verdict): Heard {
  return { verdict, changed: false };
}

/** Whether the first answer on a connection was sent before a message that we had when we asked, or is that one. */
function isReplayed({ at, newest, anchor }: Asked, { boot, sentAt }: BeatMessage): boolean {
  if (anchor !== null || newest === null || newest.boot !== boot) return false;
  if (sentAt === newest.sentAt) return at - newest.received > SAME_TIME_MS;
  return sentAt < newest.sentAt;
}
