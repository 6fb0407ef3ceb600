import type { Order } from "../protocol/order.ts";
import type { Entry } from "./entry.ts";

/** What the orders of a log, oldest first, leave in force: the newest epoch, and the orders, oldest first. */
export function replay(entries: Iterable<Entry>): { epoch: number; orders: Order[] } {
  const orders = new Map<string, Order>();
  let newest = 0;
  for (const { kind, epoch = 0, scope = "", mode, cause = "person", by, reason = "", at, ...more } of entries) {
    newest = Math.max(newest, epoch);
    const keys = kind === "release" ? [`${scope} person`, `${scope} breaker`] : [`${scope} ${cause}`];
    for (const key of keys) orders.delete(key);
    if ((kind !== "kill" && kind !== "trip") || mode === undefined || mode === "running") continue;
    const expiresAt = more["expiresAt"];
    const order: Order = { epoch, scope, mode, cause, by, reason, at };
    orders.set(`${scope} ${cause}`, typeof expiresAt === "string" ? { ...order, expiresAt } : order);
  }
  return { epoch: newest, orders: [...orders.values()] };
}
