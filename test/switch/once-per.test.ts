import { describe, expect, it } from "vitest";
import { OncePer } from "../../src/switch/service/once-per.ts";

describe("once per period", () => {
  it("lets each key through once, and again when the period is over", () => {
    const limit = new OncePer(1_000);
    expect([limit.allows("a", 0), limit.allows("a", 999), limit.allows("b", 999)]).toEqual([true, false, true]);
    expect([limit.allows("a", 1_000), limit.allows("b", 1_000), limit.allows("a", 1_999)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("keeps only so many keys in mind, and lets no new one through beyond them", () => {
    const limit = new OncePer(1_000, 2);
    expect(["a", "b", "c"].map((key) => limit.allows(key, 0))).toEqual([true, true, false]);
    expect(limit.allows("c", 1_000)).toBe(true);
  });
});
