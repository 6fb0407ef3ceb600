import { describe, expect, it } from "vitest";
import { seconds, trendOf, trendText } from "../../src/drill/trend.ts";

const trend = (...times: (number | null)[]) =>
  trendOf(times.map((ms) => ({ endedAt: "2026-11-10T06:00:30.000Z", ms, resolutionMs: 50 })));

it("is best, median and worst of those that stopped, and how many did not", () => {
  expect(trend(3_000, 5_000, 4_000)).toMatchObject({
    drills: 3,
    notStopped: 0,
    best: 3_000,
    median: 4_000,
    worst: 5_000,
  });
  expect(trend(1_000, 2_000)).toMatchObject({ median: 1_500 });
  expect(trend(1_000, null)).toMatchObject({ drills: 2, notStopped: 1, best: 1_000, worst: 1_000 });
  expect(trend(null)).toMatchObject({ best: null, median: null, worst: null, growing: null });
  expect(trend()).toMatchObject({ drills: 0, best: null });
});

it("is told apart under a second, and never nothing", () => {
  expect([0, 52, 994, 995, 1_049].map(seconds)).toEqual(["0.01s", "0.05s", "0.99s", "1.0s", "1.0s"]);
});

it("is said in words", () => {
  expect(trendText(trend(3_000, 5_000, null))).toBe("best 3.0s, median 4.0s, worst 5.0s; 1 of 3 did not stop");
  expect(trendText(trend(null))).toBe("the agent never stopped");
  expect(trendText(trend())).toBe("no drill");
});

describe("growing", () => {
  it.each<[string, (number | null)[], RegExp | null]>([
    [
      "the last over 1.5 times the median of those before",
      [2_000, 2_000, 2_000, 3_001],
      /took 3.0s to stop, over 1.5 times/,
    ],
    ["the last at 1.5 times", [2_000, 2_000, 2_000, 3_000], null],
    ["too few to compare with", [2_000, 2_000, 30_000], null],
    ["too little to tell apart", [30, 30, 30, 79], null],
    ["three in a row", [2_000, 2_100, 2_200, 2_400], /three drills in a row took longer/],
    ["three in a row, by almost nothing", [2_000, 2_100, 2_200, 2_399], null],
    ["two in a row", [2_300, 2_200, 2_400, 2_600], null],
    ["one that did not stop among them", [2_000, null, 2_200, 2_400], null],
    ["falling", [9_000, 8_000, 7_000, 6_000], null],
  ])("%s", (_, times, words) => {
    const { growing } = trend(...times);
    if (words === null) expect(growing).toBeNull();
    else expect(growing).toMatch(words);
  });
});
