import type { News } from "../../alerts/news.ts";
import { type Delivery, laneOf, type OutboxRows } from "./outbox-rows.ts";

/** More unsaved news than this is not kept: it has nowhere to go but memory. */
const MOST_UNSAVED = 100;

/**
 * What still waits for one route, on disk or in memory alone. Deliveries of one lane go one after the other; lanes pass
 * each other.
 */
export class Waiting {
  readonly #rows: OutboxRows;
  readonly #key: string;
  /** What could not be written to disk; `after` is the newest row at the time, which goes before it. */
  #unsaved: { delivery: Delivery; after: number }[] = [];
  /** What failed in this run, by row: its count and its time hold even where the disk refuses them. */
  readonly #failed = new Map<number, Delivery>();
  /** Rows that are settled, and still on disk because it could not be written. */
  readonly #settled = new Set<number>();

  constructor(rows: OutboxRows, key: string) {
    this.#rows = rows;
    this.#key = key;
  }

  /** Keeps news in memory alone; false where there is too much of it already. */
  addUnsaved(news: News, queuedMs: number): boolean {
    if (this.#unsaved.length >= MOST_UNSAVED) return false;
    const delivery: Delivery = { id: null, news, attempts: 0, queuedMs, dueMs: queuedMs };
    this.#unsaved.push({ delivery, after: this.#rows.newest(this.#key) });
    return true;
  }

  /** Of each lane's oldest delivery the one that is due first, whether or not it is due yet; null where nothing waits. */
  next(): Delivery | null {
    const heads = new Map<string, Delivery>();
    for (const head of this.#rows.heads(this.#key, [...this.#settled]))
      heads.set(laneOf(head.news), this.#failed.get(head.id) ?? head);
    for (const { delivery, after } of this.#unsaved) {
      const head = heads.get(laneOf(delivery.news));
      if (head === undefined || (head.id !== null && after < head.id)) heads.set(laneOf(delivery.news), delivery);
    }
    let first: Delivery | null = null;
    for (const head of heads.values()) if (first === null || head.dueMs < first.dueMs) first = head;
    return first;
  }

  /** It failed, and waits until it is due again. Throws what SQLite throws, with its place kept all the same. */
  putBack(delivery: Delivery, ranMs: number): void {
    const { id, attempts } = delivery;
    if (id === null) return;
    this.#failed.set(id, delivery);
    this.#rows.attempted(id, attempts, ranMs);
  }

  /** It is not tried again: what comes after it need not wait. */
  settle(settled: Delivery): void {
    if (settled.id === null) {
      this.#unsaved = this.#unsaved.filter(({ delivery }) => delivery !== settled);
      return;
    }
    this.#failed.delete(settled.id);
    this.#settled.add(settled.id);
  }

  /** Takes what is settled off the disk. Throws what SQLite throws. */
  forget({ id }: Delivery): void {
    if (id === null) return;
    this.#rows.remove(id);
    this.#settled.delete(id);
  }
}
