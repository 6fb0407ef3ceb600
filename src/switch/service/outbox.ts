import type { News } from "../../alerts/news.ts";
import { namedRoutes, type AlertRoute } from "../../alerts/route.ts";
import type { CallContext } from "../../doors/door.ts";
import { systemClock, type Clock } from "../../values/clock.ts";
import { RouteQueue, type DeliveryNote, type QueueSurroundings } from "./outbox-queue.ts";
import { OutboxRows, type OutboxDatabase } from "./outbox-rows.ts";
import { OUTBOX_TIMING, type OutboxTiming } from "./outbox-timing.ts";

export { OUTBOX_SQL, type OutboxDatabase } from "./outbox-rows.ts";
export type { DeliveryNote } from "./outbox-queue.ts";

export interface OutboxOptions {
  /** With the tables of OUTBOX_SQL. */
  database: OutboxDatabase;
  routes: readonly AlertRoute[];
  context: CallContext;
  /** Writes to the log: the first failure of a delivery, and how it ended. May throw; it is called again then. */
  record: (note: DeliveryNote) => void;
  /** Told of what should not happen (a full disk, a mistake of ours); nothing stops because of it. */
  trouble?: (error: unknown) => void;
  clock?: Clock;
  timing?: Partial<OutboxTiming>;
  /** From 0 to 1, for jitter. */
  random?: () => number;
}

/**
 * News on its way to people. It is put in with the order that it tells of, in one transaction, and leaves when its
 * outcome is in the log: news may arrive twice under one id, and none is lost. Each route has a queue of its own.
 */
export class Outbox {
  readonly #rows: OutboxRows;
  readonly #queues: readonly RouteQueue[];
  readonly #record: OutboxOptions["record"];
  readonly #trouble: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #ranBeforeMs: number;

  constructor(options: OutboxOptions) {
    const { database, context, record, clock = systemClock, random = Math.random } = options;
    this.#rows = new OutboxRows(database);
    this.#record = record;
    this.#trouble = options.trouble ?? (() => undefined);
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#ranBeforeMs = this.#rows.ranMs();
    const surroundings: QueueSurroundings = {
      rows: this.#rows,
      context,
      clock,
      timing: { ...OUTBOX_TIMING, ...options.timing },
      random,
      ranMs: () => this.#ranMs(),
      record,
      trouble: this.#trouble,
    };
    this.#queues = namedRoutes(options.routes).map((named) => new RouteQueue(named, surroundings));
  }

  /** Puts news in for every route; synchronous, for the transaction that writes the order. Throws what SQLite throws. */
  enqueue(news: News): void {
    const ranMs = this.#ranMs();
    for (const queue of this.#queues) this.#rows.insert(queue, news, ranMs);
  }

  /** For an order that could not be written to disk: its news is kept in memory alone and lost when the service ends. */
  enqueueUnsaved(news: News): void {
    for (const queue of this.#queues) {
      if (!queue.addUnsaved(news)) this.#trouble(new Error(`too much news is waiting in memory for ${queue.name}`));
    }
  }

  /** Begins to send, with what an earlier run left. */
  start(): void {
    this.#dropOthers();
    for (const queue of this.#queues) queue.start();
  }

  /** There is something new; to be called when the transaction is over. Comes back at once. */
  wake(): void {
    setImmediate(() => {
      for (const queue of this.#queues) queue.wake();
    }).unref();
  }

  /** Stops sending; what has not arrived is sent after the next start. Within `graceMs` and a moment. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }

  /** How many deliveries wait on disk. Throws what SQLite throws. */
  pending(): number {
    return this.#rows.count();
  }

  #ranMs(): number {
    return this.#ranBeforeMs + this.#clock.monotonic() - this.#startedAt;
  }

  /** What is left for routes that the configuration no longer has. */
  #dropOthers(): void {
    const keys = this.#queues.map(({ key }) => key);
    try {
      for (let others = this.#rows.ofOthers(keys); others.length > 0; others = this.#rows.ofOthers(keys)) {
        for (const { delivery, name } of others) {
          const { news, attempts } = delivery;
          const why = "the route is no longer configured";
          this.#record({ route: name, newsId: news.id, news, outcome: "failed", why, attempts, final: true });
          this.#rows.remove(delivery.id);
        }
      }
    } catch (error) {
      this.#trouble(error);
    }
  }
}
