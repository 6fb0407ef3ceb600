import type { CallContext } from "../doors/door.ts";
import type { Clock } from "../values/clock.ts";
import { sha256 } from "../values/hash-chain.ts";
import { cut, oneLine, summary, type News, type NewsKind } from "./news.ts";
import { refusedBy, type Outcome } from "./outcome.ts";
import { filled, post } from "./post.ts";
import type { PagerdutyRoute } from "./route.ts";

const PAGERDUTY = "https://events.pagerduty.com";
const LONGEST_SUMMARY = 1_024;
const LONGEST_KEY = 255;
const LONGEST_REASON = 10_000;

const ADVICE = {
  400: "PagerDuty does not take the event; check the routing key (32 characters, of an Events API v2 integration)",
  403: "PagerDuty does not allow it; check the routing key",
  429: "too many events for this routing key just now",
};

const SEVERITY: Partial<Record<NewsKind, "critical" | "error" | "warning">> = {
  kill: "critical",
  trip: "error",
  refused: "warning",
};

/**
 * Sends the news to PagerDuty (Events API v2). An order opens an incident for its series and scope, a release resolves
 * it. Drills and tests are change events, which page nobody.
 */
export async function deliverPagerduty(
  { pagerduty }: PagerdutyRoute,
  news: News,
  context: CallContext,
  clock: Clock,
): Promise<Outcome> {
  const { routingKey, url = PAGERDUTY } = typeof pagerduty === "string" ? { routingKey: pagerduty } : pagerduty;
  const key = await filled(routingKey, context);
  if (typeof key !== "string") return key;
  const isChange = news.drill || news.kind === "test";
  const path = isChange ? "/v2/change/enqueue" : "/v2/enqueue";
  const body = JSON.stringify({ routing_key: key, ...(isChange ? changeEvent(news) : alertEvent(news)) });
  const answer = await post({ url: `${url.replace(/\/+$/, "")}${path}`, body }, context);
  if ("outcome" in answer) return answer;
  if (answer.status === 202) return { outcome: "accepted (queued)", status: 202, final: true };
  return refusedBy(answer, clock.now(), ADVICE);
}

function changeEvent(news: News): object {
  return {
    payload: {
      summary: summary(news, LONGEST_SUMMARY),
      source: cut(oneLine(news.switchName), LONGEST_KEY),
      timestamp: news.at,
      custom_details: detailsOf(news),
    },
    ...linksTo(news),
  };
}

function alertEvent(news: News): object {
  if (news.kind === "release") return { event_action: "resolve", dedup_key: dedupKey(news) };
  return {
    event_action: "trigger",
    dedup_key: dedupKey(news),
    payload: {
      summary: summary(news, LONGEST_SUMMARY),
      source: cut(oneLine(news.switchName), LONGEST_KEY),
      severity: SEVERITY[news.kind] ?? "error",
      timestamp: news.at,
      ...(news.scope === null ? {} : { component: news.scope }),
      class: news.kind,
      custom_details: detailsOf(news),
    },
    ...linksTo(news),
  };
}

/** One incident for a series and scope; refused attempts have one of their own, which no release resolves. */
export function dedupKey({ series, scope, kind }: Pick<News, "series" | "scope" | "kind">): string {
  const key = `clawproof/${series}/${scope ?? ""}${kind === "refused" ? "/refused" : ""}`;
  return key.length <= LONGEST_KEY ? key : `clawproof/${sha256(key)}`;
}

function detailsOf({ kind, scope, doing, mode, by, reason, epoch, series }: News): object {
  return { kind, scope, doing, mode, by, reason: cut(reason, LONGEST_REASON), epoch, series };
}

function linksTo({ link }: News): object {
  return link === null ? {} : { links: [{ href: link, text: "Open the switch" }] };
}
