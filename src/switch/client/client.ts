import { type Clock, systemClock } from "../../values/clock.ts";
import type { OrderAnswer, ReportRequest } from "../protocol/messages.ts";
import type { View } from "../protocol/view.ts";
import type { Instant } from "./steady.ts";
import { type Heard, Hearing, type Lease, type Verdict } from "./hearing.ts";
import { Notices, type SwitchNotice } from "./notice.ts";
import { Poll } from "./poll.ts";
import { parsed, readBeat, readState } from "./read.ts";
import { Reports } from "./report.ts";
import { Stream } from "./stream.ts";
import { SILENT_MS } from "./timing.ts";
import { Trips } from "./trip.ts";
import { type Connections, Wire } from "./wire.ts";

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

export interface Trip {
  /** Which of the breaker's signals. */
  signal: string;
  figures: Record<string, unknown>;
  /** The type of action whose own breaker opened; an agent's breaker has none. */
  type?: string | undefined;
}

/**
 * How an agent follows the kill switch service: by its stream, by polling for as long as none can be had. What is known
 * and for how long is decided in Hearing; here it is carried in and out. Nothing keeps the process from ending.
 */
export class SwitchClient {
  /** The same object for ever, and plain numbers: read at every action. `-Infinity` before anything was heard. */
  readonly lease: Lease = { monotonicUntil: Number.NEGATIVE_INFINITY, wallUntil: Number.NEGATIVE_INFINITY };
  readonly #options: SwitchClientOptions;
  readonly #clock: Clock;
  readonly #hearing: Hearing;
  readonly #notices: Notices;
  readonly #wire: Connections;
  readonly #stream: Stream;
  readonly #poll: Poll;
  readonly #reports: Reports;
  readonly #trips: Trips;
  readonly #listeners: (() => void)[] = [];
  /** What the listeners have heard of, and so may be reported. */
  #applied: View = null;
  /** Monotonic milliseconds. */
  #heardAt: number;
  /** Monotonic milliseconds. */
  #lossToldAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** Throws TypeError for addresses or a token that cannot be used. */
  constructor(options: SwitchClientOptions, wire?: Connections) {
    // Node's own refusal would come later, and once a second.
    if (!/^[\x21-\x7e]+$/.test(options.token)) throw new TypeError("the switch's token is empty or no token");
    const { urls, token, ca, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#heardAt = clock.monotonic();
    this.#hearing = new Hearing(options.leaseMs);
    this.#notices = new Notices((notice) => options.notice(notice), clock, token);
    this.#wire = wire ?? new Wire({ token, ca });
    const refused = (url: string, status: number): void => this.#refused(url, status);
    const failed = (url: string, why: string): void => this.#failed(url, why);
    const shared = { wire: this.#wire, urls, refused, failed };
    const ask = () => this.#hearing.ask(this.#instant());
    this.#stream = new Stream({ ...shared, clock, ask, event: (...event) => this.#event(...event) });
    this.#poll = new Poll({
      ...shared,
      ask,
      view: () => this.#hearing.view,
      isHeard: () => {
        this.#look();
        return this.#stream.isHeard;
      },
      state: (asked, message, url) => isOurs(this.#take(this.#hearing.state(asked, message, this.#instant()), url)),
      beat: (asked, message, url) => isOurs(this.#take(this.#hearing.beat(asked, message, this.#instant()), url)),
      malformed: (url, what) => this.#malformed(url, what),
    });
    this.#reports = new Reports({
      ...shared,
      content: () => this.#report(),
      lease: () => this.#hearing.leaseMs,
      notice: (kind, words) => this.#notices.tell(kind, words),
    });
    this.#trips = new Trips(shared);
  }

  /** What was heard last; it never goes back. */
  get view(): View {
    return this.#hearing.view;
  }

  /** Begins to listen. */
  start(): void {
    this.#stream.start();
    this.#poll.start();
  }

  /** Called at once when the view has changed, before its lease begins and before anything is reported. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Something that reports tell has changed: send one as soon as the last is answered. */
  reportSoon(): void {
    this.#reports.soon();
  }

  /**
   * Asks the switch for the order that follows from an opened breaker, and repeats that until it is answered.
   * Throws TripRefused where the switch will never give it, ClientClosed after `close`.
   */
  trip({ signal, figures, type }: Trip, idempotencyKey: string): Promise<OrderAnswer> {
    const { instance } = this.#options;
    return this.#trips.send({ instance, signal, figures, ...(type === undefined ? {} : { type }) }, idempotencyKey);
  }

  /** Ends all connections. The lease goes on to its end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stream.close();
    this.#poll.close();
    this.#reports.close();
    this.#trips.close();
    await this.#wire.close();
  }

  #instant(): Instant {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
  }

  #event(...[asked, event, data, url]: Parameters<ConstructorParameters<typeof Stream>[0]["event"]>) {
    if (event !== "state" && event !== "beat") return "unheard";
    const json = parsed(data);
    const received = this.#instant();
    const state = event === "state" ? readState(json) : null;
    const beat = event === "beat" ? readBeat(json) : null;
    if (state) return afterwards(this.#take(this.#hearing.state(asked, state, received), url));
    if (beat) return afterwards(this.#take(this.#hearing.beat(asked, beat, received), url));
    this.#malformed(url, `a ${event}`);
    return "unheard";
  }

  /** Listeners first: nobody may act on a lease before what it was renewed with is applied, and nothing else is reported. */
  #take({ verdict, changed }: Heard, url: string): Verdict {
    if (this.#isClosed) return verdict;
    const view = this.#hearing.view;
    const isNews = changed || this.#applied !== view;
    if (isNews && !this.#tellListeners()) return verdict;
    const isNewEpoch = this.#applied?.epoch !== view?.epoch;
    this.#applied = view;
    this.#publish();
    if (isNewEpoch) this.#reports.soon();
    if (verdict === "heard" || verdict === "stale") {
      this.#heardAt = this.#clock.monotonic();
      this.#reports.occasion();
    } else this.#unheard(verdict, url);
    return verdict;
  }

  #unheard(verdict: Exclude<Verdict, "heard" | "stale">, url: string): void {
    if (verdict === "ahead" || verdict === "behind") this.#poll.soon();
    if (verdict === "replayed") this.#malformed(url, "an answer from before it was asked: something keeps answers");
    const { series = "", epoch = 0 } = this.#hearing.view ?? {};
    if (verdict === "other-series") {
      this.#notices.tell(
        "other-series",
        `${url} is another switch than the one heard before, or has another data file: what it says is not heard. Start the agent again if it is meant (series so far ${series})`,
      );
    }
    if (verdict === "lost-order") {
      this.#notices.tell(
        "lost-order",
        `${url} does not know order ${epoch}, which was heard before: its data was restored from a backup. It is told, and stops everything until a person releases that`,
      );
      // Once in a while: a switch that does not believe it writes each of them down.
      const now = this.#clock.monotonic();
      if (now - this.#lossToldAt < this.#hearing.leaseMs) return;
      this.#lossToldAt = now;
      this.#reports.soon();
    }
  }

  /** Whether all of them have taken it; one that has not is asked again with the next message. */
  #tellListeners(): boolean {
    let isTaken = true;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        isTaken = false;
        this.#notices.tell(
          "mistake",
          `an order was not applied: ${error instanceof Error ? error.message : "it threw"}`,
        );
      }
    }
    return isTaken;
  }

  #look(): void {
    this.#hearing.look(this.#instant());
    this.#publish();
  }

  /** What was not applied yet begins no longer lease. */
  #publish(): void {
    const { monotonicUntil, wallUntil } = this.#hearing.lease();
    const isApplied = this.#applied === this.#hearing.view;
    this.lease.monotonicUntil = isApplied ? monotonicUntil : Math.min(monotonicUntil, this.lease.monotonicUntil);
    this.lease.wallUntil = isApplied ? wallUntil : Math.min(wallUntil, this.lease.wallUntil);
  }

  /**
   * Whichever address says so: they are one service, and a token that was taken back must not live on at another address.
   * What is open was asked for with it, so all begins anew, and slowly.
   */
  #refused(url: string, status: number): void {
    if (this.#isClosed) return;
    this.#hearing.refused();
    this.#publish();
    this.#stream.giveWay();
    this.#notices.tell(
      "refused",
      `${url} refuses the agent's token (status ${status}): writes stop now. Give it a token of the role agent that holds`,
    );
  }

  #failed(url: string, why: string): void {
    this.#look();
    if (this.#clock.monotonic() - this.#heardAt < SILENT_MS) return;
    this.#notices.tell("unreachable", `the switch is not heard at ${url}: ${why}`);
  }

  #malformed(url: string, what: string): void {
    this.#notices.tell("malformed", `${url} sent what is not heard: ${what}`);
  }

  #report(): ReportRequest | null {
    if (this.#applied === null) return null;
    const { agent, version, instance } = this.#options;
    const { series, epoch } = this.#applied;
    return {
      instance,
      agent,
      version,
      series,
      epoch,
      running: this.#options.running(),
      counts: this.#options.counts?.(),
    };
  }
}

function isOurs(verdict: Verdict): boolean {
  return verdict !== "other-series" && verdict !== "replayed";
}

/** What becomes of the stream. */
function afterwards(verdict: Verdict) {
  if (verdict === "heard") return "kept" as const;
  if (verdict === "stale" || verdict === "other-boot") return "again" as const;
  return verdict === "other-series" || verdict === "replayed" ? ("elsewhere" as const) : ("unheard" as const);
}
