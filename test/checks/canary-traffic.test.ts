import fc from "fast-check";
import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/canary-traffic.ts";
import type { Gate } from "../../src/evidence/manifests/reading.ts";
import { contextOf, goodCanary, said } from "../support/facts.ts";

function judged(beforeFirstGatePct: number, gate: Gate = "person", canaryPercent = 5) {
  return said(check.judge({ canary: goodCanary({ beforeFirstGatePct, gate }) }, contextOf({ canaryPercent })));
}
function blueGreen(gate: Gate) {
  const reading = {
    kind: "blue-green" as const,
    tool: "Argo Rollouts",
    resource: "Rollout/a",
    line: 1,
    gate,
    notes: [],
  };
  return said(check.judge({ canary: { reading } }, contextOf()));
}

describe("05.7 canary-traffic", () => {
  it("Canary deployment configured: 5% initial traffic", () => {
    expect(judged(5)).toBe("[PASS] Canary deployment configured: 5% initial traffic");
    expect(judged(0)).toBe("[PASS] Canary deployment configured: 0% initial traffic");
    expect(judged(2.5, "analysis")).toBe("[PASS] Canary deployment configured: 2.5% initial traffic");
    expect(judged(5, "timed")).toBe("[PASS] Canary deployment configured: 5% initial traffic");
  });

  it("Blue-green deployment configured: preview before promotion", () => {
    for (const gate of ["person", "timed", "analysis"] as const) {
      expect(blueGreen(gate)).toBe("[PASS] Blue-green deployment configured: preview before promotion");
    }
  });

  it("Canary deployment starts at 20% (start at 5%)", () => {
    expect(judged(20)).toBe("[WARN] Canary deployment starts at 20% (start at 5%)");
    expect(judged(100 / 3)).toBe("[WARN] Canary deployment starts at 33.3% (start at 5%)");
    expect(judged(5.04)).toBe("[WARN] Canary deployment starts at 5.1% (start at 5%)");
    expect(judged(50)).toBe("[WARN] Canary deployment starts at 50% (start at 5%)");
    expect(judged(5, "person", 1)).toBe("[WARN] Canary deployment starts at 5% (start at 1%)");
  });

  it("Canary deployment share unknown — WHY", () => {
    const reading = { kind: "unknown" as const, why: "setWeight is {{ .Values.weight }}" };
    expect(said(check.judge({ canary: { reading } }, contextOf()))).toBe(
      "[WARN] Canary deployment share unknown — setWeight is {{ .Values.weight }}",
    );
    expect(judged(Number.NaN)).toMatch(/^\[WARN\] Canary deployment share unknown/);
  });

  it("No canary or blue-green deployment configured", () => {
    expect(said(check.absent({ state: "absent", why: "" }))).toBe(
      "[FAIL] No canary or blue-green deployment configured",
    );
  });

  it("Canary deployment starts at 100%", () => {
    expect(judged(100)).toBe("[FAIL] Canary deployment starts at 100%");
    expect(judged(5, "none")).toBe("[FAIL] Canary deployment starts at 100%");
    expect(blueGreen("none")).toBe("[FAIL] Canary deployment starts at 100%");
    expect(judged(50.04)).toBe("[FAIL] Canary deployment starts at 50.1%");
    expect(judged(60)).toBe("[FAIL] Canary deployment starts at 60%");
  });

  it("the shown share is always on the side of the limit that was judged", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100, noNaN: true }), (pct) => {
        const text = judged(pct);
        const shown = Number(/([\d.]+)%/.exec(text)?.[1]);
        const word = (share: number) => (share <= 5 ? "[PASS]" : share <= 50 ? "[WARN]" : "[FAIL]");
        expect(text.startsWith(word(pct))).toBe(true);
        expect(text.startsWith(word(shown))).toBe(true);
      }),
    );
  });
});
