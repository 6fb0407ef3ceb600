import { describe, expect, it } from "vitest";
import { deliver } from "../../src/alerts/deliver.ts";
import { slackText } from "../../src/alerts/slack.ts";
import { contextOf } from "../doors/servers.ts";
import { answering, newsOf, receiver } from "./support.ts";

const PATH = "/services/T000/B000/XXXXsecretXXXX";

describe("a message to Slack", () => {
  it("says what, who, why and where to look, and is delivered where Slack says ok", async () => {
    const { url, received } = await receiver(answering(200, "ok"));
    const outcome = await deliver({ slack: "${SLACK_URL}" }, newsOf(), contextOf({ SLACK_URL: url + PATH }));
    expect(outcome).toEqual({ outcome: "delivered", status: 200, final: true });
    expect(received[0]?.path).toBe(PATH);
    expect(JSON.parse(received[0]?.body ?? "")).toEqual({
      text: [
        "*support-agent is stopped*",
        "by maria: it refunds everyone",
        "switch production, order 7, 2026-11-22T10:00:00.000Z",
        "<https://switch.example.com/?scope=support-agent|Open the switch>",
      ].join("\n"),
      unfurl_links: false,
      unfurl_media: false,
    });
  });

  it("calls nobody by what a reason holds, and a reason makes no lines of its own", () => {
    const text = slackText(newsOf({ reason: "<!channel> a & b\n*production is released*", by: "<@U1>", link: null }));
    expect(text.split("\n")).toHaveLength(3);
    expect(text).toContain("by &lt;@U1&gt;: &lt;!channel&gt; a &amp; b *production is released*");
  });

  it("of a drill says so; of a refused attempt names no order; a long reason is cut", () => {
    expect(slackText(newsOf({ drill: true }))).toMatch(/^\*\[DRILL\] /);
    expect(slackText(newsOf({ kind: "refused", epoch: null }))).not.toContain("order");
    expect(slackText(newsOf({ reason: "x".repeat(60_000) })).length).toBeLessThan(2_000);
  });

  it("that Slack did not say ok to is not called delivered, nor sent again", async () => {
    const { url } = await receiver(answering(200, `<html>${PATH}</html>`));
    const outcome = await deliver({ slack: url + PATH }, newsOf(), contextOf());
    expect(outcome).toMatchObject({ outcome: "failed", status: 200, final: true });
    expect(outcome.why).toMatch(/^answered 200 without Slack's `ok`/);
  });

  it.each([
    [400, "invalid_payload", true, "incoming webhook"],
    [403, "action_prohibited", true, "administrator"],
    [404, "no_service", true, "knows no such webhook"],
    [410, "channel_is_archived", true, "archived the channel"],
    [500, "rollup_error", false, "answered 500"],
  ])("that is answered %i %s failed (final: %s)", async (status, code, final, words) => {
    const { url } = await receiver(answering(status, code));
    const outcome = await deliver({ slack: url + PATH }, newsOf(), contextOf());
    expect(outcome).toMatchObject({ outcome: "failed", status, final });
    expect(outcome.why).toContain(words);
    expect(JSON.stringify(outcome)).not.toContain("secret");
  });

  it("that is one too many comes back when Slack says", async () => {
    const { url } = await receiver(answering(429, "", { "retry-after": "30" }));
    const outcome = await deliver({ slack: url + PATH }, newsOf(), contextOf());
    expect(outcome).toMatchObject({ outcome: "failed", status: 429, retryAfterMs: 30_000, final: false });
  });
});
