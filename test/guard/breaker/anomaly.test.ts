import { describe, expect, it } from "vitest";
import { neverSeen, zScore } from "../../../src/guard/breaker/anomaly.ts";

describe("zScore", () => {
  const learnt = (saved?: unknown): ReturnType<typeof zScore<number>> =>
    zScore<number>((amount) => amount, { minimumSamples: 4, threshold: 2, saved });

  it("marks what lies beyond the threshold, once enough is known", () => {
    const test = learnt();
    expect([8, 12, 8, 12].map(test)).toEqual([false, false, false, false]);
    // Mean 10, standard deviation 2.31.
    expect([14.7, 5.3].map(test)).toEqual([true, true]);
    expect(test(14.6)).toBe(false);
  });

  it("does not learn what it marks, and no number is always marked", () => {
    const test = learnt();
    [8, 12, 8, 12].map(test);
    const before = test.save();
    expect([...Array.from({ length: 50 }, () => 1_000), Number.NaN, Infinity].every(test)).toBe(true);
    expect(test.save()).toEqual(before);
    expect(learnt(JSON.parse(JSON.stringify(before)))(1_000)).toBe(true);
  });

  it("names what is wrong", () => {
    expect(() => zScore(() => 1, { threshold: 0 })).toThrow("zScore: threshold is 0");
    expect(() => zScore(() => 1, { minimumSamples: 1 })).toThrow("zScore: minimumSamples is 1");
    expect(() => zScore(() => 1, { saved: { count: 1 } })).toThrow("format is not");
  });
});

describe("neverSeen", () => {
  const mail = { type: "mail", target: "kim" };
  it.each([
    { by: "type" as const, marks: [false, false, true] },
    { by: "target" as const, marks: [false, true, false] },
    { by: "type-and-target" as const, marks: [false, true, true] },
  ])("by $by, after the baseline", ({ by, marks }) => {
    const test = neverSeen({ by, learn: 1 });
    expect(test(mail)).toBe(false);
    const later = [mail, { type: "mail", target: "lee" }, { type: "refund", target: "kim" }];
    expect(later.map(test)).toEqual(marks);
    // Being marked is not being learnt.
    expect(later.map(test)).toEqual(marks);
    const restored = neverSeen({ by, learn: 1, saved: JSON.parse(JSON.stringify(test.save())) });
    expect(later.map(restored)).toEqual(marks);
  });

  it("tells no target from an empty one, and remembers no endless name", () => {
    const test = neverSeen({ by: "target", learn: 2 });
    const long = { type: "mail", target: "x".repeat(600) };
    expect([{ type: "mail" }, long].map(test)).toEqual([false, false]);
    expect([{ type: "mail", target: null }, { type: "mail", target: "" }, long].map(test)).toEqual([false, true, true]);
  });

  it("names what is wrong", () => {
    expect(() => neverSeen({ by: "type", learn: 0 })).toThrow("neverSeen: learn is 0");
    const saved = neverSeen({ by: "type", learn: 1 }).save();
    expect(() => neverSeen({ by: "target", learn: 1, saved })).toThrow("not learnt by target");
  });
});
