import type { Clock } from "../../values/clock.ts";
import type { Order } from "../protocol/order.ts";

const RETRY_MS = 1_000;

/** Ends orders whose time to live is over, by the clock that never jumps. */
export class Expiries {
  readonly #clock: Clock;
  readonly #expire: (order: Order) => boolean;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  /** When each order is over, by the clock that never jumps. */
  readonly #ends = new Map<number, number>();

  /** `expire` says whether it could; it is asked again a second later where it could not. */
  constructor(clock: Clock, expire: (order: Order) => boolean) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** Watches an order given just now. */
  watch(order: Order): void {
    this.#begin(order, lifeOf(order));
  }

  /** Watches an order of an earlier run: never longer than its whole life, however the wall clock was set meanwhile. */
  watchAgain(order: Order): void {
    if (order.expiresAt === undefined) return;
    const left = Date.parse(order.expiresAt) - this.#clock.now();
    this.#begin(order, Math.min(Math.max(left, 0), lifeOf(order)));
  }

  /** The orders with the end that they will have: the wall clock may have been set since they were given. */
  byWallClock(orders: readonly Order[]): Order[] {
    return orders.map((order) => {
      const end = this.#ends.get(order.epoch);
      if (end === undefined) return order;
      const left = Math.max(0, end - this.#clock.monotonic());
      return { ...order, expiresAt: new Date(this.#clock.now() + left).toISOString() };
    });
  }

  forget({ epoch }: Order): void {
    clearTimeout(this.#timers.get(epoch));
    this.#timers.delete(epoch);
    this.#ends.delete(epoch);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #begin(order: Order, ms: number): void {
    if (order.expiresAt === undefined) return;
    this.#ends.set(order.epoch, this.#clock.monotonic() + ms);
    this.#wait(order, ms);
  }

  #wait(order: Order, ms: number): void {
    const timer = setTimeout(() => {
      if (this.#expire(order)) this.forget(order);
      else this.#wait(order, RETRY_MS);
    }, ms);
    this.#timers.set(order.epoch, timer.unref());
  }
}

function lifeOf({ at, expiresAt = at }: Order): number {
  return Date.parse(expiresAt) - Date.parse(at);
}
