import type { CallContext } from "../doors/door.ts";
import { systemClock, type Clock } from "../values/clock.ts";
import type { News } from "./news.ts";
import type { Outcome } from "./outcome.ts";
import { deliverPagerduty } from "./pagerduty.ts";
import type { AlertRoute } from "./route.ts";
import { deliverSlack } from "./slack.ts";
import { deliverWebhook } from "./webhook.ts";

/**
 * Tries once to tell the people behind a route; within 10 s. Whatever hinders it is an outcome; what it throws is a
 * mistake of ours.
 */
export function deliver(
  route: AlertRoute,
  news: News,
  context: CallContext,
  clock: Clock = systemClock,
): Promise<Outcome> {
  if ("webhook" in route) return deliverWebhook(route, news, context, clock);
  if ("slack" in route) return deliverSlack(route, news, context, clock);
  return deliverPagerduty(route, news, context, clock);
}
