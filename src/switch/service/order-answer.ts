import type { OrderAnswer } from "../protocol/messages.ts";
import { modeOf, type Order, ordersOver, type Standing } from "../protocol/order.ts";
import { type Scope, targetOf } from "../protocol/scope.ts";

/** Who obeys is counted once the order is on its way: thousands of instances must not hold it up. */
const NOT_COUNTED = { known: 0, obeyed: 0 };

/** The answer to an order: what its scope may do by this standing, and what else holds it. */
export function answerFor(
  standing: Standing,
  scope: Scope,
  { epoch, by, at, cause }: Pick<Order, "epoch" | "by" | "at" | "cause">,
  durable = true,
): OrderAnswer {
  const target = targetOf(scope);
  return {
    series: standing.series,
    epoch,
    scope: scope.text,
    mode: modeOf(standing.orders, target),
    by,
    at,
    durable,
    cause,
    instances: NOT_COUNTED,
    covering: ordersOver(standing.orders, target).filter((order) => order.epoch !== epoch),
  };
}
