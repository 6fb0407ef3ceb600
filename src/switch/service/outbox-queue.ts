import { deliver } from "../../alerts/deliver.ts";
import type { News } from "../../alerts/news.ts";
import { failed, type Outcome } from "../../alerts/outcome.ts";
import type { AlertRoute } from "../../alerts/route.ts";
import type { CallContext } from "../../doors/door.ts";
import type { Clock } from "../../values/clock.ts";
import { formatDuration } from "../../values/duration.ts";
import type { Delivery, OutboxRows } from "./outbox-rows.ts";
import { Waiting } from "./outbox-waiting.ts";
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

/** One route's deliveries, one after the other: first those that were due first. */
export class RouteQueue {
  readonly key: string;
  readonly name: string;
  readonly #route: AlertRoute;
  readonly #with: QueueSurroundings;
  readonly #waiting: Waiting;
  /** Outcomes on their way to the log. */
  readonly #finishing = new Set<Promise<void>>();
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
    this.#waiting = new Waiting(surroundings.rows, named.key);
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
    return this.#waiting.addUnsaved(news, this.#with.ranMs());
  }

  /** Begins nothing new, and ends what is under way after the time of grace; what is not settled stays. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#wakeUp();
    const timer = setTimeout(() => {
      this.#cut.abort();
    }, this.#with.timing.graceMs);
    await this.#running;
    await Promise.all(this.#finishing);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    for (let troubles = 0; !this.#ending.signal.aborted;) {
      try {
        const delivery = this.#waiting.next();
        const waitMs = delivery === null ? Infinity : delivery.dueMs - this.#with.ranMs();
        if (delivery === null || waitMs > 0) await this.#somethingNew(waitMs);
        else await this.#try(delivery);
        troubles = 0;
      } catch (error) {
        this.#with.trouble(error);
        await this.#pauseAfter(++troubles);
      }
    }
  }

  /** Ends after so many milliseconds all the same. */
  #somethingNew(withinMs: number): Promise<void> {
    const woken = new AbortController();
    this.#wakeUp = () => {
      woken.abort();
    };
    return pause(withinMs, woken.signal);
  }

  /** Tries once; what failed is put back, so that others pass it. */
  async #try(delivery: Delivery): Promise<void> {
    const { timing, random, ranMs } = this.#with;
    const outcome = await this.#attempt(delivery.news);
    if (outcome === null) return;
    delivery.attempts++;
    const leftMs = delivery.queuedMs + timing.giveUpAfterMs - ranMs();
    if (outcome.final || leftMs <= 0) {
      this.#settle(delivery, outcome.final ? outcome : givenUp(outcome, timing));
      return;
    }
    const waitMs = retryDelay(delivery.attempts, outcome.retryAfterMs, timing, random());
    delivery.dueMs = ranMs() + Math.min(waitMs, leftMs);
    this.#noteFailure(delivery, outcome);
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
    const { record, trouble, ranMs } = this.#with;
    try {
      this.#waiting.putBack(delivery, ranMs());
      if (delivery.attempts === 1) record(this.#noteOf(delivery, outcome, false));
    } catch (error) {
      // It is tried again all the same: the count is in memory too.
      trouble(error);
    }
  }

  #settle(delivery: Delivery, outcome: Outcome): void {
    this.#waiting.settle(delivery);
    const finishing = this.#finish(delivery, outcome).finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  /** Notes the outcome, then forgets the delivery; where the disk refuses, later, while others go on. */
  async #finish(delivery: Delivery, outcome: Outcome): Promise<void> {
    const { record, trouble } = this.#with;
    let recorded = false;
    for (let tries = 1; !this.#ending.signal.aborted || tries === 1; tries++) {
      try {
        if (!recorded) record(this.#noteOf(delivery, outcome, true));
        recorded = true;
        this.#waiting.forget(delivery);
        return;
      } catch (error) {
        trouble(error);
        await this.#pauseAfter(tries);
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
