import { describe, expect, test } from "vitest";
import { couldNotBeChecked, fail, type Judgement, pass, skip, warn } from "../../src/audit/check.ts";
import type { Judged } from "../../src/audit/judge.ts";
import { standingWaivers, waive, waiverProblems } from "../../src/audit/waivers.ts";
import type { Waiver } from "../../src/config/schema.ts";
import { checkOf, NOW, suiteOf } from "./support.ts";

const canary = checkOf({ needs: {} });
const endpoint = checkOf({ id: "05.1", key: "kill-switch-endpoint", needs: {} });
const latency = checkOf({ id: "05.2", key: "kill-switch-latency", needs: {} });
const suites = [suiteOf([endpoint, latency, canary])];

function waiverOf(overrides: Partial<Waiver> = {}): Waiver {
  return {
    check: "canary-traffic",
    reason: "One tenant",
    owner: "dana@example.com",
    until: "2026-12-31",
    ...overrides,
  };
}

function judged(judgement: Judgement, check = canary): Judged {
  return { check, judgement, evidence: [], location: null, notJudged: false };
}

const NOTE = { reason: "One tenant", owner: "dana@example.com", until: "2026-12-31" };

describe("waive", () => {
  const standing = standingWaivers([waiverOf()], NOW);

  test("covers a warn and a fail, by key and by id", () => {
    expect(waive(judged(fail("x")), standing)).toEqual(NOTE);
    expect(waive(judged(warn("x")), standing)).toEqual(NOTE);
    expect(waive(judged(fail("x")), standingWaivers([waiverOf({ check: "05.7" })], NOW))).toEqual(NOTE);
    expect(waive(judged(fail("x")), standingWaivers([waiverOf({ check: "05.8" })], NOW))).toBeNull();
  });

  test("never covers unknown, 05.1 or 05.2, and has nothing to say of a pass or a skip", () => {
    expect(waive(judged(couldNotBeChecked("x", "y")), standing)).toBeNull();
    for (const check of [endpoint, latency]) {
      expect(waive(judged(fail("x"), check), standingWaivers([waiverOf({ check: check.key })], NOW))).toBeNull();
    }
    expect(waive(judged(pass("x")), standing)).toBeNull();
    expect(waive(judged(skip("x")), standing)).toBeNull();
  });

  test("holds to the last millisecond of its day in UTC", () => {
    const at = (time: string) => waive(judged(fail("x")), standingWaivers([waiverOf()], Date.parse(time)));
    expect(at("2026-12-31T23:59:59.999Z")).toEqual(NOTE);
    expect(at("2027-01-01T00:00:00.000Z")).toBeNull();
  });

  test("of several, the one that ends last", () => {
    const both = standingWaivers([waiverOf({ until: "2026-12-01" }), waiverOf()], NOW);
    expect(waive(judged(fail("x")), both)?.until).toBe("2026-12-31");
  });
});

describe("waiverProblems", () => {
  const messages = (...waivers: Waiver[]) => waiverProblems({ waivers }, suites, NOW).map(({ message }) => message);

  test("none for a good one, and none for one whose day is over", () => {
    expect(messages(waiverOf(), waiverOf({ check: "05.7" }), waiverOf({ until: "2025-01-01" }))).toEqual([]);
    expect(waiverProblems({}, suites, NOW)).toEqual([]);
  });

  test("180 days away at most", () => {
    expect(messages(waiverOf({ until: "2027-05-21" }))).toEqual([]);
    expect(messages(waiverOf({ until: "2027-05-22" }))).toEqual([
      "2027-05-22 is 181 days away; a waiver lasts at most 180",
    ]);
  });

  test("a day that is none", () => {
    expect(messages(waiverOf({ until: "2026-11-31" }))).toEqual(["2026-11-31 is not a day of the calendar"]);
  });

  test("an unknown check, with the nearest, at its place", () => {
    expect(waiverProblems({ waivers: [waiverOf(), waiverOf({ check: "canary-trafic" })] }, suites, NOW)).toEqual([
      { path: ["waivers", 1, "check"], message: "unknown check `canary-trafic`; did you mean canary-traffic?" },
    ]);
  });

  test("05.1 and 05.2 are never waived", () => {
    expect(messages(waiverOf({ check: "05.1" }), waiverOf({ check: "kill-switch-latency" }))).toEqual([
      "05.1 kill-switch-endpoint cannot be waived: without it nobody can stop the agent",
      "05.2 kill-switch-latency cannot be waived: without it nobody can stop the agent",
    ]);
  });
});
