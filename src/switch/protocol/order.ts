import { isLooser, strictest, type Mode } from "./mode.ts";
import { covers, parseScope, type Target } from "./scope.ts";

/** Who gave an order: a person (or a program that acts for one), or an agent's breaker. */
export type Cause = "person" | "breaker";

/** An order in force. Times are ISO 8601 in UTC. */
export interface Order {
  epoch: number;
  scope: string;
  mode: Exclude<Mode, "running">;
  cause: Cause;
  by: string;
  reason: string;
  at: string;
  /** Only under `drill/`: when it ends by itself, by an order of its own. */
  expiresAt?: string;
}

/** What a switch holds: the number of its last order, and the orders in force, oldest first. */
export interface Standing {
  series: string;
  epoch: number;
  orders: readonly Order[];
}

/** The standing after an order, which replaces the one of its own cause on its scope. */
export function withOrder(standing: Standing, order: Order): Standing {
  const others = standing.orders.filter(({ scope, cause }) => scope !== order.scope || cause !== order.cause);
  return { ...standing, epoch: order.epoch, orders: [...others, order] };
}

/** The standing after everything on exactly this scope has ended, and what that was. */
export function withoutScope(
  standing: Standing,
  scope: string,
  epoch: number,
): { standing: Standing; ended: readonly Order[] } {
  return without(standing, epoch, (order) => order.scope === scope);
}

/** The standing after one order has ended by itself. */
export function withoutOrder(standing: Standing, ended: Order, epoch: number): Standing {
  return without(standing, epoch, (order) => order.epoch === ended.epoch).standing;
}

function without(standing: Standing, epoch: number, ends: (order: Order) => boolean) {
  const ended = standing.orders.filter(ends);
  return { standing: { ...standing, epoch, orders: standing.orders.filter((order) => !ends(order)) }, ended };
}

/** The orders in force that hold for a target. */
export function ordersOver(orders: readonly Order[], target: Target): Order[] {
  return orders.filter((order) => {
    const scope = parseScope(order.scope);
    return scope !== null && covers(scope, target);
  });
}

/** What the target may do: the strictest order in force that covers it wins. */
export function modeOf(orders: readonly Order[], target: Target): Mode {
  return strictest(ordersOver(orders, target).map(({ mode }) => mode));
}

/**
 * Whether putting `next` on its scope leaves that scope, now or at some later time, less strictly held than it was:
 * a milder mode, or one that ends sooner. That takes the role `release`.
 */
export function loosens(standing: Standing, next: Order): boolean {
  const before = standing.orders.filter(({ scope }) => scope === next.scope);
  const after = withOrder(standing, next).orders.filter(({ scope }) => scope === next.scope);
  const ends = [...before, ...after].map(({ expiresAt }) => (expiresAt === undefined ? 0 : Date.parse(expiresAt)));
  return [0, ...ends].some((time) => isLooser(heldAt(after, time), heldAt(before, time)));
}

function heldAt(orders: readonly Order[], time: number): Mode {
  const standing = orders.filter(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > time);
  return strictest(standing.map(({ mode }) => mode));
}
