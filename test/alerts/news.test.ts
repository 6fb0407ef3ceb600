import { describe, expect, it } from "vitest";
import { cut, headline, newsId, newsLink, oneLine, summary } from "../../src/alerts/news.ts";
import { newsOf } from "./support.ts";

describe("the headline", () => {
  it.each([
    [{}, "support-agent is stopped"],
    [{ mode: "read-only" as const }, "support-agent is read-only"],
    [{ scope: "*" }, "everything (*) is stopped"],
    [{ drill: true, scope: "drill/support-agent" }, "[DRILL] drill/support-agent is stopped"],
    [{ drill: true, scope: "drill/*" }, "[DRILL] everything (drill/*) is stopped"],
    [{ kind: "release" as const, mode: "running" as const }, "support-agent is released"],
    [
      { kind: "release" as const, mode: "stopped" as const },
      "support-agent is released, and still stopped by another order",
    ],
    [{ kind: "trip" as const, mode: "read-only" as const }, "support-agent is read-only: its circuit breaker opened"],
    [
      { kind: "refused" as const, mode: null, doing: "POST /v1/release" },
      "POST /v1/release on support-agent was refused",
    ],
    [
      { kind: "refused" as const, mode: null, doing: "POST /v1/kill", scope: "*" },
      "POST /v1/kill on everything (*) was refused",
    ],
    [{ kind: "refused" as const, mode: null, doing: "POST /v1/tokens", scope: null }, "POST /v1/tokens was refused"],
    [
      { kind: "refused" as const, mode: null, doing: "POST /v1/release", scope: "drill/support", drill: true },
      "[DRILL] POST /v1/release on drill/support was refused",
    ],
    [{ kind: "test" as const, mode: null }, "Test alert: nothing was stopped"],
  ])("of %j", (overrides, words) => {
    expect(headline(newsOf(overrides))).toBe(words);
  });
});

it("the name of a token makes no headline longer than people read", () => {
  const doing = `DELETE /v1/tokens/${"x".repeat(10_000)}`;
  expect(headline(newsOf({ kind: "refused", doing, scope: null })).length).toBeLessThan(250);
});

it("a summary says what, who, why and which switch, on one line of the asked length", () => {
  expect(summary(newsOf(), 1_024)).toBe("support-agent is stopped — by maria: it refunds everyone (switch production)");
  const long = summary(newsOf({ reason: `a\n\treason \u202e${"😀".repeat(2_000)}` }), 1_024);
  expect(Array.from(long)).toHaveLength(1_024);
  expect(long).toContain("a reason 😀");
  expect(long.endsWith("😀…")).toBe(true);
});

it("text is put on one line and cut between characters", () => {
  expect(oneLine(" a\r\nb\u0000c\u2028d ")).toBe("a b c d");
  expect(cut("😀😀😀", 3)).toBe("😀😀😀");
  expect(cut("😀😀😀", 2)).toBe("😀…");
});

it("the link opens the page with the scope chosen", () => {
  expect(newsLink("https://switch.example.com", "support-agent")).toBe(
    "https://switch.example.com/?scope=support-agent",
  );
  expect(newsLink("https://ops.example.com/switch/", "a@1.2/b&c")).toBe(
    "https://ops.example.com/switch/?scope=a%401.2%2Fb%26c",
  );
  expect(newsLink("https://switch.example.com", null)).toBe("https://switch.example.com/");
  expect(newsLink(null, "a")).toBeNull();
});

it("every piece of news has a name of its own", () => {
  expect(newsId()).toMatch(/^msg_[0-9a-f]{32}$/);
  expect(newsId()).not.toBe(newsId());
});
