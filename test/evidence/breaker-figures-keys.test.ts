import { describe, expect, test } from "vitest";
import { readBreakerFigures } from "../../src/evidence/breaker-figures.ts";
import type { BreakerReadingOptions } from "../../src/evidence/breaker-figures.ts";

/** The figures alone: without where they come from. */
function figures(settings: unknown, options: BreakerReadingOptions = {}) {
  const { readFrom: _, problems, ...read } = readBreakerFigures(settings, options);
  expect(problems).toEqual([]);
  return read;
}

function problems(settings: unknown, options: BreakerReadingOptions = {}) {
  return readBreakerFigures(settings, options).problems;
}

describe("rates", () => {
  test.each([
    ["error_rate_pct", 0, 0],
    ["error_rate_pct", 0.15, 0.15],
    ["error_rate_pct", 1, 1],
    ["error_rate_pct", 100, 100],
    ["error_rate", 0, 0],
    ["error_rate", 1.01, 1.01],
    ["error_rate", 15, 15],
    ["error_rate", "15%", 15],
    ["error_rate", "0.5%", 0.5],
    ["error_rate", "15 %", 15],
    ["error_rate_pct", "15%", 15],
  ])("%s: %j", (key, value, errorRatePct) => {
    expect(figures({ [key]: value })).toEqual({ errorRatePct, enabled: true });
  });

  test.each([
    ["error_rate", 0.15, "could be 0.15% or 15%; say unit: percent or fraction"],
    ["error_rate", 1, "could be 1% or 100%; say unit"],
    ["error_rate", Number.MIN_VALUE, "say unit"],
    ["error_rate_pct", -1, "error_rate_pct is -1: not between 0 and 100%"],
    ["error_rate_pct", 100.1, "not between 0 and 100%"],
    ["error_rate", -0.1, "not between 0 and 100%"],
    ["error_rate", "150%", "not between 0 and 100%"],
    ["error_rate", "-5%", "not between 0 and 100%"],
    ["error_rate_pct", "15", 'error_rate_pct is "15", not a number'],
    ["error_rate_pct", "fifteen", "not a number"],
    ["error_rate_pct", Number.NaN, "error_rate_pct is NaN, not a number"],
    ["error_rate_pct", Number.POSITIVE_INFINITY, "not a number"],
    ["error_rate_pct", true, "not a number"],
    ["error_rate_pct", { of: 15 }, "error_rate_pct is a map, not a number"],
    ["error_rate_pct", [15], "a list, not a number"],
  ])("%s: %j is a problem", (key, value, why) => {
    const read = readBreakerFigures({ [key]: value }, {});
    expect(read.problems).toEqual([{ figure: "errorRatePct", why: expect.stringContaining(why) }]);
    expect(read).not.toHaveProperty("errorRatePct");
    expect(read.readFrom).toEqual({});
  });

  test.each([
    ["fraction", "error_rate", 0.15, 15],
    ["fraction", "error_rate", 0.07, 7],
    ["fraction", "error_rate", 0.57, 57],
    ["fraction", "error_rate", 1, 100],
    ["fraction", "error_rate", 0, 0],
    ["fraction", "error_rate", "15%", 15],
    ["fraction", "error_rate_pct", 15, 15],
    ["fraction", "error_rate_pct", 0.15, 0.15],
    ["fraction", "errorThresholdPercentage", 15, 15],
    ["percent", "error_rate", 0.15, 0.15],
    ["percent", "error_rate", 1, 1],
    ["percent", "error_rate", 15, 15],
  ] as const)("unit: %s, %s: %j", (unit, key, value, errorRatePct) => {
    expect(figures({ [key]: value }, { unit })).toMatchObject({ errorRatePct });
  });

  test.each([
    ["fraction", 1.01],
    ["fraction", 15],
    ["fraction", -0.1],
    ["percent", 101],
  ] as const)("unit: %s does not make %d a rate", (unit, value) => {
    expect(problems({ error_rate: value }, { unit })).toHaveLength(1);
  });
});

describe("keys", () => {
  const settings = {
    limits: { errors: 0.15, "a/b": "5m" },
    fail_ratio: 0.2,
    tripPct: 12,
    hold: 30,
    breather_ms: 500,
    on: false,
  };

  test.each([
    [{ errorRatePct: "fail_ratio" }, "fraction", { errorRatePct: 20 }],
    [{ errorRatePct: "fail_ratio" }, "percent", { errorRatePct: 0.2 }],
    [{ errorRatePct: "tripPct" }, "fraction", { errorRatePct: 12 }],
    [{ errorRatePct: "/limits/errors" }, "fraction", { errorRatePct: 15 }],
    [{ window: "/limits/a~1b" }, "fraction", { windowMs: 300_000 }],
    [{ windowMs: "/limits/a~1b" }, "fraction", { windowMs: 300_000 }],
    [{ cooldown: "breather_ms" }, "fraction", { cooldownMs: 500 }],
    [{ minimumSamples: "hold" }, "fraction", { minimumSamples: 30 }],
  ] as const)("%j, unit: %s", (keys, unit, read) => {
    expect(figures(settings, { keys, unit })).toEqual({ ...read, enabled: true });
  });

  test("can name the switch, and its opposite", () => {
    expect(figures(settings, { keys: { enabled: "on" } })).toEqual({ enabled: false });
    expect(figures({ a: { disabled: true } }, { keys: { enabled: "/a/disabled" } })).toEqual({ enabled: false });
  });

  test("a mapped opossum name keeps its unit", () => {
    expect(
      figures({ rollingCountTimeout: 5_000, errorRatePct: 5 }, { keys: { window: "rollingCountTimeout" } }),
    ).toEqual({
      windowMs: 5_000,
      errorRatePct: 5,
      enabled: true,
    });
  });

  test("a mapped name is the only one read", () => {
    expect(figures({ error_rate_pct: 50, mine_pct: 15 }, { keys: { errorRatePct: "mine_pct" } })).toEqual({
      errorRatePct: 15,
      enabled: true,
    });
  });

  test("what was read from says the mapped name", () => {
    const { readFrom } = readBreakerFigures(settings, { keys: { errorRatePct: "/limits/errors" }, unit: "fraction" });
    expect(readFrom).toEqual({ errorRatePct: "/limits/errors" });
  });

  test.each([
    [{ errorRatePct: "fail_ratio" }, "errorRatePct", "say unit"],
    [{ errorRatePct: "missing" }, "errorRatePct", "missing is not in the settings"],
    [{ errorRatePct: "/limits/missing" }, "errorRatePct", "/limits/missing is not in the settings"],
    [{ errorRatePct: "/limits/~" }, "errorRatePct", "not in the settings"],
    [{ errorRatePct: "toString" }, "errorRatePct", "not in the settings"],
    [{ window: "hold" }, "windowMs", "30 without a unit"],
    [{ errorRate: "fail_ratio" }, "errorRate", "there is no figure errorRate; there is errorRatePct, anomalyRatePct"],
    [{ constructor: "fail_ratio" }, "constructor", "there is no figure constructor"],
  ])("%j is a problem", (keys, figure, why) => {
    expect(problems(settings, { keys })).toEqual([{ figure, why: expect.stringContaining(why) }]);
  });

  test("a mapped switch that is not there is off", () => {
    const read = readBreakerFigures({ enabled: true }, { keys: { enabled: "active" } });
    expect(read).toMatchObject({
      enabled: false,
      problems: [{ figure: "enabled", why: "active is not in the settings" }],
    });
  });
});
