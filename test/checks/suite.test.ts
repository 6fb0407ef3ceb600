import fc from "fast-check";
import { describe, expect, it } from "vitest";
import suite from "../../checks/05-rollback-kill-switches/index.ts";
import type { Fact } from "../../src/audit/fact.ts";
import { absent, failed, withheld } from "../../src/audit/fact.ts";
import { judgeCheck } from "../../src/audit/judge.ts";
import type { FactName, Facts } from "../../src/evidence/facts.ts";
import { contextOf, evidenceOf, factOf, goodBreaker, goodFacts, said } from "../support/facts.ts";

const NAMES = Object.keys(goodFacts()) as FactName[];
const RANK = { pass: 0, skip: 0, warn: 1, fail: 2 };

/** The facts with one of them put in another state. */
function swapped(name: FactName, other: Fact<never>): Facts {
  return { ...goodFacts(), [name]: other };
}

function declaredOnly(): Facts {
  const claims = Object.entries(goodFacts()).map(([name, fact]) => [
    name,
    { ...fact, evidence: [evidenceOf("declared")] },
  ]);
  return {
    ...(Object.fromEntries(claims) as Facts),
    breaker: factOf({ ...goodBreaker(), level: "declared" }, "declared"),
  };
}

function withoutDrills(facts: Facts): Facts {
  return { ...facts, drills: absent("not configured") };
}

describe("the suite 05", () => {
  it("is Rollback & Kill Switches: ten checks in the order of their ids, each with all its words", () => {
    expect([suite.id, suite.title]).toEqual(["05", "Rollback & Kill Switches"]);
    expect(suite.checks.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, index) => `05.${index + 1}`));
    expect(new Set(suite.checks.map(({ key }) => key)).size).toBe(10);
    for (const { subject, asks, why, fix, section } of suite.checks) {
      for (const words of [subject, asks, why, fix]) expect(words).toMatch(/^\S[^\n]{5,160}$/);
      expect(asks).toMatch(/\?$/);
      expect(section.length).toBeGreaterThan(0);
    }
  });

  it("passes an agent of which all is shown", () => {
    const lines = suite.checks.map((check) => said(judgeCheck(check, goodFacts(), contextOf()).judgement));
    expect(lines).toEqual([
      "[PASS] Kill switch endpoint active (independent service)",
      "[PASS] Kill switch response time: ~4 seconds (target: <30s)",
      "[PASS] Circuit breaker configured: error 15%, anomaly 10%",
      "[PASS] Graceful degradation: reads continue when breaker is open",
      "[PASS] Rollback state recorded for write actions (3 action types)",
      "[PASS] Rollback script covers 3/3 write action types",
      "[PASS] Canary deployment configured: 5% initial traffic",
      "[PASS] Fallback response template configured",
      "[PASS] Kill switch activation logging and alerting active",
      "[PASS] Kill switch drill 12 days ago: stopped in 3.8s, 3/3 action types reversed",
    ]);
  });

  it("passes nothing where there is nothing, and says could not be checked where nothing could be read", () => {
    const all = (fact: Fact<never>) => Object.fromEntries(NAMES.map((name) => [name, fact])) as Facts;
    for (const check of suite.checks) {
      const nothing = judgeCheck(check, all(absent("not configured")), contextOf()).judgement;
      expect(nothing.verdict).toMatch(/warn|fail/);
      const unread = judgeCheck(check, all(failed("connection refused")), contextOf()).judgement;
      expect(said(unread)).toMatch(new RegExp(`^\\[FAIL\\] \\(unknown\\) ${check.subject} could not be checked — `));
      const offline = judgeCheck(check, all(withheld("--offline")), contextOf());
      expect([offline.judgement.verdict, offline.notJudged]).toEqual(["skip", true]);
    }
  });

  it("--offline never fails for what it kept from looking at, whichever facts those are", () => {
    fc.assert(
      fc.property(fc.subarray(NAMES), (hidden) => {
        const facts: Facts = {
          ...goodFacts(),
          ...Object.fromEntries(hidden.map((name) => [name, withheld("--offline")])),
        };
        for (const check of suite.checks) {
          expect(judgeCheck(check, facts, contextOf()).judgement.verdict).toMatch(/pass|skip/);
        }
      }),
    );
  });

  it("a claim alone never passes", () => {
    // 05.1 rests on an answer and 05.2, 05.10 on what was measured: those facts cannot be mere claims.
    for (const check of suite.checks.filter(({ id }) => !["05.1", "05.2", "05.10"].includes(id))) {
      expect(judgeCheck(check, withoutDrills(declaredOnly()), contextOf()).judgement.verdict).toMatch(/warn|fail/);
    }
  });

  it("losing a fact never improves a verdict, and never turns a fail that is known into a pass", () => {
    const loss = fc.constantFrom<Fact<never>>(absent("not configured"), failed("connection refused"));
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), loss, (name, other) => {
        for (const check of suite.checks) {
          const before = judgeCheck(check, goodFacts(), contextOf()).judgement;
          const after = judgeCheck(check, swapped(name, other), contextOf()).judgement;
          expect(RANK[after.verdict]).toBeGreaterThanOrEqual(RANK[before.verdict]);
          if (check.needs[name] === undefined) expect(after.message).toBe(before.message);
        }
      }),
    );
  });

  it("where nothing was rehearsed a drill speaks for 05.2, 05.8 and 05.9, and for 05.1 only with a frozen agent", () => {
    const facts = swapped("rehearsal", absent("no consent"));
    const verdicts = suite.checks.map((check) => [check.id, judgeCheck(check, facts, contextOf()).judgement.verdict]);
    expect(verdicts.filter(([, verdict]) => verdict !== "pass")).toEqual([["05.1", "warn"]]);
  });
});
