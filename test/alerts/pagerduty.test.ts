import { describe, expect, it } from "vitest";
import { deliver } from "../../src/alerts/deliver.ts";
import type { News } from "../../src/alerts/news.ts";
import { dedupKey } from "../../src/alerts/pagerduty.ts";
import { contextOf } from "../doors/servers.ts";
import { answering, newsOf, receiver } from "./support.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const taken = answering(202, '{"status":"success","message":"Event processed","dedup_key":"x"}');

async function sent(overrides: Partial<News>) {
  const { url, received } = await receiver(taken);
  const route = { pagerduty: { routingKey: "${PAGERDUTY_KEY}", url: `${url}/` } };
  const outcome = await deliver(route, newsOf(overrides), contextOf({ PAGERDUTY_KEY: KEY }));
  return { outcome, path: received[0]?.path, body: JSON.parse(received[0]?.body ?? "") as Record<string, unknown> };
}

describe("an event for PagerDuty", () => {
  it("of a kill opens an incident, and is queued, not delivered", async () => {
    const { outcome, path, body } = await sent({ reason: "costs ${PAGERDUTY_KEY}" });
    expect(outcome).toEqual({ outcome: "accepted (queued)", status: 202, final: true });
    expect(path).toBe("/v2/enqueue");
    expect(body).toEqual({
      routing_key: KEY,
      event_action: "trigger",
      dedup_key: "clawproof/series-1/support-agent",
      payload: {
        summary: "support-agent is stopped — by maria: costs ${PAGERDUTY_KEY} (switch production)",
        source: "production",
        severity: "critical",
        timestamp: "2026-11-22T10:00:00.000Z",
        component: "support-agent",
        class: "kill",
        custom_details: {
          kind: "kill",
          scope: "support-agent",
          mode: "stopped",
          by: "maria",
          reason: "costs ${PAGERDUTY_KEY}",
          epoch: 7,
          series: "series-1",
        },
      },
      links: [{ href: "https://switch.example.com/?scope=support-agent", text: "Open the switch" }],
    });
  });

  it("of a release resolves the incident of the same series and scope", async () => {
    const { path, body } = await sent({ kind: "release", mode: "running", epoch: 8 });
    expect(path).toBe("/v2/enqueue");
    expect(body).toEqual({ routing_key: KEY, event_action: "resolve", dedup_key: "clawproof/series-1/support-agent" });
  });

  it.each([
    ["trip", "error", "clawproof/series-1/support-agent"],
    ["refused", "warning", "clawproof/series-1/support-agent/refused"],
  ] as const)("of a %s is a trigger of severity %s", async (kind, severity, key) => {
    const { body } = await sent({ kind });
    expect(body).toMatchObject({ event_action: "trigger", dedup_key: key, payload: { severity } });
  });

  it.each([
    { kind: "kill", drill: true },
    { kind: "release", drill: true },
    { kind: "trip", drill: true },
    { kind: "refused", drill: true },
    { kind: "test", drill: false },
  ] as const)("of $kind (drill: $drill) is a change event, which pages nobody", async (overrides) => {
    const { outcome, path, body } = await sent({ ...overrides, reason: "x".repeat(50_000) });
    expect(outcome.outcome).toBe("accepted (queued)");
    expect(path).toBe("/v2/change/enqueue");
    expect(body).not.toHaveProperty("event_action");
    const { summary } = body["payload"] as { summary: string };
    expect(summary.length).toBeLessThanOrEqual(1_024);
    if (overrides.drill) expect(summary).toMatch(/^\[DRILL\] /);
  });

  it("of a refused attempt that named no scope names none", async () => {
    const { body } = await sent({ kind: "refused", scope: null, doing: "POST /v1/tokens", mode: null, epoch: null });
    const { payload, dedup_key: key } = body as { payload: Record<string, unknown>; dedup_key: string };
    expect(key).toBe("clawproof/series-1//refused");
    expect(payload["summary"]).toMatch(/^POST \/v1\/tokens was refused — by maria/);
    expect(payload).not.toHaveProperty("component");
    expect(payload["custom_details"]).toMatchObject({ scope: null, doing: "POST /v1/tokens" });
  });

  it("that is refused says so without the answer's words, which may hold the key", async () => {
    const { url } = await receiver(answering(400, `{"status":"invalid event","errors":["${KEY} is invalid"]}`));
    const outcome = await deliver({ pagerduty: { routingKey: KEY, url } }, newsOf(), contextOf());
    expect(outcome).toMatchObject({ outcome: "failed", status: 400, final: true });
    expect(outcome.why).toMatch(/check the routing key/);
    expect(JSON.stringify(outcome)).not.toContain(KEY);
  });

  it("answered 200 is not called accepted; 429 comes back; a key that nobody set is said", async () => {
    const route = (url: string) => ({ pagerduty: { routingKey: KEY, url } });
    const { url: odd } = await receiver(answering(200, "{}"));
    expect(await deliver(route(odd), newsOf(), contextOf())).toMatchObject({ outcome: "failed", final: true });
    const { url: busy } = await receiver(answering(429));
    expect(await deliver(route(busy), newsOf(), contextOf())).toMatchObject({ outcome: "failed", final: false });
    expect(await deliver({ pagerduty: "${PAGERDUTY_KEY}" }, newsOf(), contextOf())).toMatchObject({
      outcome: "failed",
      why: "PAGERDUTY_KEY is not set",
    });
  });
});

it("a dedup key is never longer than PagerDuty takes", () => {
  const scope = `drill/${"a".repeat(64)}@${"1".repeat(64)}`;
  expect(dedupKey({ series: "s".repeat(200), scope, kind: "kill" }).length).toBeLessThanOrEqual(255);
});
