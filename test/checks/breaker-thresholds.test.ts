import fc from "fast-check";
import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/breaker-thresholds.ts";
import type { Policy } from "../../src/audit/check.ts";
import type { BreakerFigures } from "../../src/evidence/breaker-figures.ts";
import { contextOf, goodBreaker, goodFigures, said } from "../support/facts.ts";

type Figure = keyof BreakerFigures;

function judged(changes: Partial<BreakerFigures> = {}, without: Figure[] = [], policy: Partial<Policy> = {}) {
  const figures = Object.fromEntries(
    Object.entries(goodFigures(changes)).filter(([name]) => !without.includes(name as Figure)),
  );
  const breaker = { figures: figures as unknown as BreakerFigures, level: "inspected" as const };
  return said(check.judge({ breaker }, contextOf(policy)));
}
const problem = (figure: string) => ({ problems: [{ figure, why: `${figure} is "x", not a number` }] });

describe("05.3 breaker-thresholds", () => {
  it("Circuit breaker configured: error 15%, anomaly 10%", () => {
    expect(judged()).toBe("[PASS] Circuit breaker configured: error 15%, anomaly 10%");
    expect(judged({ errorRatePct: 15, windowMs: 300_000 })).toMatch(/^\[PASS\]/);
    expect(judged({ anomalyRatePct: 15, windowMs: 1_000 })).toBe(
      "[PASS] Circuit breaker configured: error 15%, anomaly 15%",
    );
    expect(judged({ errorRatePct: 0, anomalyRatePct: 12.5 })).toBe(
      "[PASS] Circuit breaker configured: error 0%, anomaly 12.5%",
    );
  });

  it("No circuit breaker configured", () => {
    expect(said(check.absent({ state: "absent", why: "" }))).toBe("[FAIL] No circuit breaker configured");
  });

  it("Circuit breaker loose: error 30% (start at 10–15%)", () => {
    expect(judged({ errorRatePct: 30 })).toBe("[WARN] Circuit breaker loose: error 30% (start at 10–15%)");
    expect(judged({ errorRatePct: 15.04 })).toBe("[WARN] Circuit breaker loose: error 15.1% (start at 10–15%)");
    expect(judged({ errorRatePct: 49.99 })).toBe("[WARN] Circuit breaker loose: error 49.9% (start at 10–15%)");
    expect(judged({ anomalyRatePct: 30 })).toBe("[WARN] Circuit breaker loose: anomaly 30% (start at 10–15%)");
    expect(judged({ anomalyRatePct: 15.04 })).toBe("[WARN] Circuit breaker loose: anomaly 15.1% (start at 10–15%)");
    expect(judged({ windowMs: 300_001 })).toBe("[WARN] Circuit breaker loose: window 300001ms (start at 5m)");
    expect(judged({ errorRatePct: 30, anomalyRatePct: 20, windowMs: 600_000 })).toBe(
      "[WARN] Circuit breaker loose: error 30% (start at 10–15%), anomaly 20% (start at 10–15%), window 10m (start at 5m)",
    );
    expect(judged({ errorRatePct: 30 }, ["volumeSpikeFactor"])).toBe(
      "[WARN] Circuit breaker loose: error 30% (start at 10–15%), no volume signal",
    );
  });

  it("policy tightens the limits and the advice", () => {
    expect(judged({}, [], { errorRatePct: 12 })).toBe("[WARN] Circuit breaker loose: error 15% (start at 10–12%)");
    expect(judged({}, [], { anomalyRatePct: 8 })).toBe("[WARN] Circuit breaker loose: anomaly 10% (start at 8%)");
    expect(judged({}, [], { errorRatePct: 10 })).toBe("[WARN] Circuit breaker loose: error 15% (start at 10%)");
    expect(judged({}, [], { windowMs: 60_000 })).toBe("[WARN] Circuit breaker loose: window 5m (start at 1m)");
  });

  it("Circuit breaker incomplete — no volume signal", () => {
    expect(judged({}, ["volumeSpikeFactor"])).toBe("[WARN] Circuit breaker incomplete — no volume signal");
    expect(judged({}, ["anomalyRatePct"])).toBe("[WARN] Circuit breaker incomplete — no anomaly signal");
    expect(judged({}, ["anomalyRatePct", "volumeSpikeFactor"])).toBe(
      "[WARN] Circuit breaker incomplete — no anomaly and no volume signal",
    );
    expect(judged({}, ["windowMs"])).toBe("[WARN] Circuit breaker incomplete — no window");
  });

  it("Circuit breaker declared, not read from the agent", () => {
    const declared = (changes: Partial<BreakerFigures> = {}) =>
      said(check.judge({ breaker: { ...goodBreaker(changes), level: "declared" } }, contextOf()));
    expect(declared()).toBe("[WARN] Circuit breaker declared, not read from the agent");
    expect(declared({ errorRatePct: 50 })).toBe("[FAIL] Circuit breaker would not protect: error 50%");
  });

  it("Circuit breaker would not protect: error 50%", () => {
    expect(judged({ errorRatePct: 50 })).toBe("[FAIL] Circuit breaker would not protect: error 50%");
    expect(judged({ errorRatePct: 75, anomalyRatePct: 60 })).toBe(
      "[FAIL] Circuit breaker would not protect: error 75%, anomaly 60%",
    );
    expect(judged({}, ["errorRatePct"])).toBe("[FAIL] Circuit breaker would not protect: no error rate");
    expect(judged({ enabled: false })).toBe("[FAIL] Circuit breaker would not protect: switched off");
  });

  it("Circuit breaker could not be checked — WHY, where the figure that cannot be read decides", () => {
    for (const figure of ["errorRatePct", "anomalyRatePct", "windowMs", "volumeSpikeFactor"] as const) {
      expect(judged(problem(figure), [figure])).toBe(
        `[FAIL] (unknown) Circuit breaker could not be checked — ${figure} is "x", not a number`,
      );
    }
    expect(judged({ ...problem("enabled"), enabled: false })).toMatch(/could not be checked/);
    expect(judged({ ...problem("settings"), enabled: false }, ["errorRatePct", "anomalyRatePct"])).toMatch(
      /could not be checked/,
    );
    expect(judged({ ...problem("anomalyRatePct"), errorRatePct: 50 }, ["anomalyRatePct"])).toMatch(/would not protect/);
    expect(judged(problem("cooldownMs"))).toMatch(/^\[PASS\]/);
  });

  it("passes exactly where every limit is kept, and a higher rate never judges better", () => {
    const rate = fc.double({ min: 0, max: 100, noNaN: true });
    const rank = (text: string) => ["[PASS]", "[WARN]", "[FAIL]"].findIndex((word) => text.startsWith(word));
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.integer({ min: 1, max: 900_000 }),
        rate,
        (errorRatePct, anomalyRatePct, windowMs, more) => {
          const text = judged({ errorRatePct, anomalyRatePct, windowMs });
          expect(text.startsWith("[PASS]")).toBe(errorRatePct <= 15 && anomalyRatePct <= 15 && windowMs <= 300_000);
          const higher = judged({ errorRatePct: Math.min(100, errorRatePct + more), anomalyRatePct, windowMs });
          expect(rank(higher)).toBeGreaterThanOrEqual(rank(text));
        },
      ),
    );
  });
});
