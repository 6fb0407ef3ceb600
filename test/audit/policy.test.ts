import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, policyFrom, policyProblems } from "../../src/audit/policy.ts";

const DAY = 86_400_000;

describe("policy", () => {
  it("is the contract's where clawproof.yaml says nothing", () => {
    expect(policyFrom(undefined, undefined)).toEqual({
      stopWithinMs: 30_000,
      errorRatePct: 15,
      anomalyRatePct: 15,
      windowMs: 300_000,
      canaryPercent: 5,
      drillEveryMs: 35 * DAY,
      undoWithinMs: 300_000,
    });
  });

  it("tightens, and of two limits on drills takes the tighter", () => {
    const policy = { stopWithin: 10_000, errorRatePct: 12, drillEvery: 30 * DAY };
    const drills = { every: 14 * DAY, undoWithin: 60_000 };
    expect(policyFrom(policy, drills)).toEqual({
      ...DEFAULT_POLICY,
      stopWithinMs: 10_000,
      errorRatePct: 12,
      drillEveryMs: 14 * DAY,
      undoWithinMs: 60_000,
    });
    expect(policyProblems({ policy, drills })).toEqual([]);
  });

  it("names what is looser, at its place", () => {
    const problems = policyProblems({
      policy: { stopWithin: 30_001, canaryPercent: 5.1 },
      drills: { every: 90 * DAY },
    });
    expect(problems).toEqual([
      { path: ["policy", "stopWithin"], message: "this can be tightened, never loosened: expected at most 30s" },
      { path: ["policy", "canaryPercent"], message: "this can be tightened, never loosened: expected at most 5" },
      { path: ["drills", "every"], message: "this can be tightened, never loosened: expected at most 35d" },
    ]);
    const same = {
      stopWithin: 30_000,
      errorRatePct: 15,
      anomalyRatePct: 15,
      window: 300_000,
      canaryPercent: 5,
      drillEvery: 35 * DAY,
    };
    expect(policyProblems({ policy: same, drills: { every: 35 * DAY, undoWithin: 300_000 } })).toEqual([]);
  });

  it("a time of nothing, or none at all, is a problem too", () => {
    for (const stopWithin of [0, Number.NaN]) {
      expect(policyProblems({ policy: { stopWithin } })[0]?.message).toBe("expected a duration above 0s, at most 30s");
    }
    expect(policyProblems({ policy: { errorRatePct: 0 } })).toEqual([]);
  });

  it("never ends up looser than the contract", () => {
    const any = fc.option(fc.double({ min: 0, max: 1e12, noNaN: false }), { nil: undefined });
    fc.assert(
      fc.property(any, any, any, (stopWithin, errorRatePct, every) => {
        const policy = policyFrom({ stopWithin, errorRatePct }, { every });
        for (const [figure, limit] of Object.entries(policy)) {
          expect(limit).toBeLessThanOrEqual(DEFAULT_POLICY[figure as keyof typeof DEFAULT_POLICY]);
        }
      }),
    );
  });
});
