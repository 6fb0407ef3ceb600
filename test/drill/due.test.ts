import { describe, expect, it } from "vitest";
import { dueOf } from "../../src/drill/due.ts";
import type { StandingDrill } from "../../src/drill/standing.ts";
import { chain } from "../../src/values/hash-chain.ts";
import { drillOf } from "./lines.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-22T06:00:00.000Z");

function drill(daysAgo: number, changes: Parameters<typeof drillOf>[0] = {}, more: Partial<StandingDrill> = {}) {
  const ended = NOW - daysAgo * DAY;
  const times = { startedAt: new Date(ended - 30_000).toISOString(), endedAt: new Date(ended).toISOString() };
  const line = chain(drillOf({ ...times, ...changes }), "");
  return { line, lineNumber: 1, verifiable: true, proof: "signed by drills.pub", ...more } satisfies StandingDrill;
}
const due = (
  drills: StandingDrill[],
  { withinDays = 7, brokenAt = null as { lineNumber: number; why: string } | null } = {},
) =>
  dueOf(
    { drills, brokenAt, unit: "line" },
    {
      now: NOW,
      everyMs: 35 * DAY,
      withinMs: withinDays * DAY,
      whatFailed: ({ line }) => (line.stop.ms === null ? ["the agent did not stop"] : []),
    },
  );
const FAILED = { stop: { ms: null, resolutionMs: 1, acceptedAfterAnswer: 0 } };

describe("the newest drill counts", () => {
  it.each([
    [27.9, "fresh"],
    [28, "due"],
    [35, "due"],
    [35.0001, "overdue"],
    [90, "overdue"],
  ])("%s days ago: %s", (daysAgo, state) => {
    const told = due([drill(daysAgo), drill(daysAgo + 1)]);
    expect(told).toMatchObject({ state, last: { counts: true }, lastCounting: null });
    expect(Math.round((told.dueAt - NOW) / DAY)).toBe(Math.round(35 - daysAgo));
  });

  it("which is the one that began last, whatever end an older one claims", () => {
    const moved = drill(20, { mark: "moved", endedAt: new Date(NOW).toISOString() });
    expect(due([moved, drill(1, FAILED)]).last?.counts).not.toBe(true);
  });

  it("whatever their order in the log", () => {
    expect(due([drill(1, { mark: "newest" }), drill(20)]).last?.drill.line.mark).toBe("newest");
  });
});

describe("what does not count", () => {
  it.each<[string, StandingDrill, string]>([
    ["what did not hold", drill(1, FAILED), "it did not hold: the agent did not stop"],
    [
      "what says so itself, whatever it measured",
      drill(1, { verdict: { held: false, why: "mail_send was not written" } }),
      "it did not hold: mail_send was not written",
    ],
    [
      "what nobody can verify",
      drill(1, {}, { verifiable: { why: "no kill switch is configured" }, proof: null }),
      "it cannot be verified: no kill switch is configured",
    ],
  ])("%s is due now, and the one before is named", (_, newest, why) => {
    const before = drill(2, { mark: "before" });
    expect(due([before, newest])).toMatchObject({
      state: "overdue",
      dueAt: NOW,
      last: { counts: { why } },
      lastCounting: { line: { mark: "before" } },
    });
    expect(due([newest]).lastCounting).toBeNull();
  });

  it("a failed one is not excused by its own verdict", () => {
    expect(due([drill(1, { ...FAILED, verdict: { held: true, why: null } })]).last?.counts).not.toBe(true);
  });

  it("nothing of a log whose chain is broken", () => {
    const told = due([drill(2), drill(1)], { brokenAt: { lineNumber: 3, why: "not JSON" } });
    expect(told).toMatchObject({
      state: "overdue",
      last: { counts: { why: "the log's chain is broken at line 3: not JSON" } },
      lastCounting: null,
    });
  });

  it("no drill at all", () => {
    expect(due([])).toEqual({ state: "overdue", last: null, lastCounting: null, dueAt: NOW });
  });
});
