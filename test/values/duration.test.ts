import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../src/values/duration.ts";

describe("parseDuration", () => {
  test.each([
    ["0s", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["3h", 10_800_000],
    ["31d", 2_678_400_000],
    ["2w", 1_209_600_000],
    ["007s", 7_000],
    ["9007199254740991ms", Number.MAX_SAFE_INTEGER],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    "",
    "5",
    "m",
    "1.5m",
    "5 m",
    " 5m",
    "5m ",
    "5m\n",
    "-5m",
    "+5m",
    "5M",
    "5min",
    "1h30m",
    "PT5M",
    "1e3s",
    "५m",
    "9007199254740992ms",
    "9007199254740991s",
  ])("%j is no duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe("formatDuration", () => {
  test.each([
    [0, "0s"],
    [1, "1ms"],
    [999, "999ms"],
    [1_000, "1s"],
    [1_500, "1500ms"],
    [59_000, "59s"],
    [60_000, "1m"],
    [90_000, "90s"],
    [300_000, "5m"],
    [3_600_000, "1h"],
    [86_400_000, "1d"],
    [604_800_000, "7d"],
    [3_024_000_000, "35d"],
    [1_000.4, "1s"],
    [-300_000, "-5m"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test("is read back as the same time", () => {
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
