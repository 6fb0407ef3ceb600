import type { CallContext } from "../doors/door.ts";
import { systemClock, type Clock } from "../values/clock.ts";
import { deliver } from "./deliver.ts";
import type { News } from "./news.ts";
import type { Outcome } from "./outcome.ts";
import { namedRoutes, type AlertRoute } from "./route.ts";

/** What one attempt on a route showed. */
export interface RouteTest {
  /** `webhook hooks.example.com`, `slack`, `pagerduty`. */
  route: string;
  outcome: Outcome["outcome"];
  /** What that proves and what not, or why it failed: `answered 200; not proved that …`. */
  words: string;
}

/** Tries every route once, all at the same time; within 10 s. `news` is of a kind that pages nobody. */
export async function testRoutes(
  routes: readonly AlertRoute[],
  context: CallContext,
  news: News,
  clock: Clock = systemClock,
): Promise<RouteTest[]> {
  return Promise.all(
    namedRoutes(routes).map(async ({ route, name }) => {
      const outcome = await deliver(route, news, context, clock);
      return { route: name, outcome: outcome.outcome, words: wordsFor(route, outcome) };
    }),
  );
}

function wordsFor(route: AlertRoute, { outcome, status, why }: Outcome): string {
  if (outcome === "failed") return why ?? "it did not say why";
  if ("slack" in route) return "Slack posted it; not proved that anybody reads the channel";
  if ("pagerduty" in route)
    return "the routing key was not refused (a change event, which pages nobody); not proved that anybody is paged";
  const isSigned = typeof route.webhook !== "string" && route.webhook.secret !== undefined;
  return isSigned
    ? `answered ${status ?? "2xx"}; not proved that the signature was checked`
    : `answered ${status ?? "2xx"}; not signed, so that anybody could send the like: give the route a \`secret\``;
}

/** A line for a person: `slack: delivered: …`. */
export function routeTestLine({ route, outcome, words }: RouteTest): string {
  return `${route}: ${outcome}: ${words}`;
}
