import { publicUrl } from "../config/redaction.ts";
import type { AlertRoute } from "../config/shared-sections.ts";
import { parseTemplate } from "../config/template.ts";
import { canonicalJson } from "../values/canonical-json.ts";
import { sha256 } from "../values/hash-chain.ts";

/** Where news goes: an entry of `alerting.routes` or of the switch's `alerts`; its texts still hold their `${…}`. */
export type { AlertRoute };

/** Signed after Standard Webhooks where it has a `secret`. */
export type WebhookRoute = Extract<AlertRoute, { webhook: unknown }>;
/** The URL of an incoming webhook, which is a secret. */
export type SlackRoute = Extract<AlertRoute, { slack: unknown }>;
/** The routing key of an Events API v2 integration; `url` where it is not `https://events.pagerduty.com`. */
export type PagerdutyRoute = Extract<AlertRoute, { pagerduty: unknown }>;

/** The routes with the names that logs and answers give them, equal ones once: `webhook hooks.example.com`, `slack`, `slack #2`. */
export function namedRoutes(routes: readonly AlertRoute[]): { route: AlertRoute; name: string; key: string }[] {
  const seen = new Map<string, number>();
  const distinct = new Map(routes.map((route) => [routeKey(route), route]));
  return [...distinct].map(([key, route]) => {
    const name = routeName(route);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { route, name: count === 1 ? name : `${name} #${count}`, key };
  });
}

/** What a route is called; without anything that could be a secret. */
export function routeName(route: AlertRoute): string {
  if ("slack" in route) return "slack";
  if ("pagerduty" in route) return "pagerduty";
  const { webhook } = route;
  const host = hostShown(typeof webhook === "string" ? webhook : webhook.url);
  return host === "" ? "webhook" : `webhook ${host}`;
}

/** Names a route over restarts, for what is still to be sent: the same as long as the configuration says the same. */
export function routeKey(route: AlertRoute): string {
  return `${Object.keys(route)[0] ?? ""} ${sha256(canonicalJson(route)).slice(0, 16)}`;
}

/** Host and port of a URL; a secret stays `${NAME}`. Paths of webhooks are secrets more often than not. */
function hostShown(template: string): string {
  const parts = parseTemplate(template).parts.map((part) => {
    if (part.kind === "literal") return part.text;
    return part.kind === "secret" ? `\${${part.name}}` : "…";
  });
  const url = publicUrl(parts.join(""));
  const [host = ""] = /(?<=^https?:\/\/)[^/?#\s]+/i.exec(url) ?? /^\$\{[A-Z0-9_]+\}/.exec(url) ?? [];
  return host;
}
