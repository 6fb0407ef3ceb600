import { modeOf, type Order, type Standing } from "./order.ts";
import type { Mode } from "./mode.ts";
import type { Target } from "./scope.ts";

/** What a client knows of a switch; null before it heard anything. */
export type View = Standing | null;

/**
 * The view after a state was heard. Another series, or a lower epoch, counts as not heard: a late message, a restored
 * backup or another service under the same address never loosens what is known. Of two standings of one epoch both hold.
 */
export function hear(view: View, heard: Standing): View {
  if (view === null) return heard;
  if (heard.series !== view.series || heard.epoch < view.epoch) return view;
  return heard.epoch === view.epoch ? { ...heard, orders: both(view.orders, heard.orders) } : heard;
}

/** Two standings of one epoch differ only where an order was lost (it could not be written, or a backup was restored). */
function both(known: readonly Order[], heard: readonly Order[]): Order[] {
  const lost = known.filter((one) => !heard.some((other) => isSame(one, other)));
  return [...heard, ...lost];
}

function isSame(one: Order, other: Order): boolean {
  return one.epoch === other.epoch && one.scope === other.scope && one.mode === other.mode && one.cause === other.cause;
}

/** What the target may do by this view; null where nothing was ever heard. */
export function modeIn(view: View, target: Target): Mode | null {
  return view === null ? null : modeOf(view.orders, target);
}
