import { deliver } from "../../alerts/deliver.ts";
import type { News } from "../../alerts/news.ts";
import { failed, type Outcome } from "../../alerts/outcome.ts";
import type { AlertRoute } from "../../alerts/route.ts";
import type { CallContext } from "../../doors/door.ts";
import type { Clock } from "../../values/clock.ts";
import { formatDuration } from "../../values/duration.ts";
import type { Delivery, OutboxRows } from "./outbox-rows.ts";
import { pause, retryDelay, type OutboxTiming } from "./outbox-timing.ts";

/** What the log is told of a delivery: its first failure, and how it ended. */
export interface DeliveryNote {
  /** `webhook hooks.example.com`, `slack`, `pagerduty`. */
  route: string;
  newsId: string;
  news: News;
  outcome: Outcome["outcome"];
  status?: number;
  why?: string;
  attempts: number;
  /** False: it is tried again. */
  final: boolean;
}

/** What the queues of an outbox share. */
export interface QueueSurroundings {
  rows: OutboxRows;
  context: CallContext;
  clock: Clock;
  timing: OutboxTiming;
  /** From 0 to 1. */
  random: () => number;
  /** How long the service has run in all; milliseconds. */
  ranMs: () => number;
  record: (note: DeliveryNote) => void;
  /** Told of what should not happen: a disk that is full, a mistake of ours. */
  trouble: (error: unknown) => void;
}

/** More unsaved news than this is not kept: it has nowhere to go but memory. */
const MOST_UNSAVED = 100;

/** One route's deliveries, one after the other in the order in which they were put in. */
export class RouteQueue {
  readonly key: string;
  readonly name: string;
  readonly #route: AlertRoute;
  readonly #with: QueueSurroundings;
  /** What could not be written to disk; `after` is the newest row at the time, which goes before it. */
  readonly #unsaved: (Delivery & { after: number })[] = [];
  /** Aborted first: nothing new is begun. */
  readonly #ending = new AbortController();
  /** Aborted when the time of grace is over: what is under way is cut short. */
  readonly #cut = new AbortController();
  #wakeUp: () => void = () => undefined;
  #sentAt = -Infinity;
  #running: Promise<void> | null = null;

  constructor(named: { key: string; name: string; route: AlertRoute }, surroundings: QueueSurroundings) {
    this.key = named.key;
    this.name = named.name;
    this.#route = named.route;
    this.#with = surroundings;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something new. */
  wake(): void {
    this.#wakeUp();
  }

  /** Keeps news in memory alone; false where there is too much of it already. */
  addUnsaved(news: News): boolean {
    if (this.#unsaved.length >= MOST_UNSAVED) return false;
    const { rows, ranMs } = this.#with;
    this.#unsaved.push({ id: null, news, attempts: 0, queuedMs: ranMs(), after: rows.newest(this.key) });
    return true;
  }

  /** Begins nothing new, and ends what is under way after the time of grace; what is not settled stays. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#wakeUp();
    const timer = setTimeout(() => {
      this.#cut.abort();
    }, this.#with.timing.graceMs);
    await this.#running;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    for (let troubles = 0; !this.#ending.signal.aborted;) {
      try {
        const delivery = this.#next();
        if (delivery === null) await this.#somethingNew();
        else await this.#settle(delivery);
        troubles = 0;
      } catch (error) {
        this.#with.trouble(error);
        await this.#pauseAfter(++troubles);
      }
    }
  }

  #next(): Delivery | null {
    const saved = this.#with.rows.first(this.key);
    const [unsaved] = this.#unsaved;
    return unsaved !== undefined && (saved === null || unsaved.after < saved.id) ? unsaved : saved;
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  /** Tries until it is settled or the service ends. */
  async #settle(delivery: Delivery): Promise<void> {
    const { timing, random, ranMs } = this.#with;
    while (!this.#ending.signal.aborted) {
      const outcome = await this.#attempt(delivery.news);
      if (outcome === null) return;
      delivery.attempts++;
      const leftMs = delivery.queuedMs + timing.giveUpAfterMs - ranMs();
      if (outcome.final || leftMs <= 0) {
        await this.#finish(delivery, outcome.final ? outcome : givenUp(outcome, timing));
        return;
      }
      this.#noteFailure(delivery, outcome);
      const waitMs = retryDelay(delivery.attempts, outcome.retryAfterMs, timing, random());
      await pause(Math.min(waitMs, leftMs), this.#ending.signal);
    }
  }

  /** Null where the service ended before there was an outcome. */
  async #attempt(news: News): Promise<Outcome | null> {
    const { context, clock, timing, trouble } = this.#with;
    const gapMs = "slack" in this.#route ? timing.slackGapMs : 0;
    await pause(this.#sentAt + gapMs - clock.monotonic(), this.#ending.signal);
    if (this.#ending.signal.aborted) return null;
    this.#sentAt = clock.monotonic();
    try {
      const outcome = await deliver(this.#route, news, { ...context, signal: this.#cut.signal }, clock);
      return outcome.outcome === "failed" && this.#cut.signal.aborted ? null : outcome;
    } catch (error) {
      trouble(error);
      return failed("an unexpected error of clawproof's own; its log says more");
    }
  }

  #noteFailure(delivery: Delivery, outcome: Outcome): void {
    const { rows, record, trouble, ranMs } = this.#with;
    try {
      if (delivery.id !== null) rows.attempted(delivery.id, delivery.attempts, ranMs());
      if (delivery.attempts === 1) record(this.#noteOf(delivery, outcome, false));
    } catch (error) {
      // It is tried again all the same: the count is in memory too.
      trouble(error);
    }
  }

  /** Notes the outcome, then forgets the delivery; where the disk refuses, later, without sending it again. */
  async #finish(delivery: Delivery, outcome: Outcome): Promise<void> {
    const { record, rows, trouble } = this.#with;
    let recorded = false;
    for (let tries = 1; ; tries++) {
      try {
        if (!recorded) record(this.#noteOf(delivery, outcome, true));
        recorded = true;
        if (delivery.id === null) this.#unsaved.shift();
        else rows.remove(delivery.id);
        return;
      } catch (error) {
        trouble(error);
        await this.#pauseAfter(tries);
        if (this.#ending.signal.aborted) return;
      }
    }
  }

  #pauseAfter(troubles: number): Promise<void> {
    const { timing, random } = this.#with;
    return pause(retryDelay(troubles, undefined, timing, random()), this.#ending.signal);
  }

  #noteOf({ news, attempts }: Delivery, outcome: Outcome, final: boolean): DeliveryNote {
    const { status, why } = outcome;
    return {
      route: this.name,
      newsId: news.id,
      news,
      outcome: outcome.outcome,
      ...(status === undefined ? {} : { status }),
      ...(why === undefined ? {} : { why }),
      attempts,
      final,
    };
  }
}

function givenUp(outcome: Outcome, { giveUpAfterMs }: OutboxTiming): Outcome {
  return { ...outcome, why: `${outcome.why ?? "no answer"}; given up after ${formatDuration(giveUpAfterMs)}` };
}
