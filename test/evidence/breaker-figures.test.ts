import fc from "fast-check";
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

const ALL = {
  errorRatePct: 15,
  anomalyRatePct: 10,
  volumeSpikeFactor: 3,
  windowMs: 300_000,
  cooldownMs: 600_000,
  minimumSamples: 10,
  consecutiveFailures: 5,
  enabled: true,
};

describe("spellings", () => {
  test.each([
    [
      "ours in camel case",
      {
        errorRatePct: 15,
        anomalyRatePct: 10,
        volumeSpikeFactor: 3,
        window: "5m",
        cooldown: "10m",
        minimumSamples: 10,
        consecutiveFailures: 5,
        enabled: true,
      },
    ],
    [
      "snake case",
      {
        error_rate_pct: 15,
        anomaly_rate_pct: 10,
        volume_spike_factor: 3,
        window: "300s",
        cooldown: "600s",
        minimum_samples: 10,
        consecutive_failures: 5,
        enabled: true,
      },
    ],
    [
      "kebab case",
      {
        "error-rate-pct": 15,
        "anomaly-rate-pct": 10,
        "volume-spike-factor": 3,
        window: "300000ms",
        cooldown: "600000ms",
        "minimum-samples": 10,
        "consecutive-failures": 5,
      },
    ],
    [
      "numbers under names with units",
      {
        error_rate_percent: 15,
        anomaly_rate_percentage: "10%",
        volume_spike_factor: 3,
        window_seconds: 300,
        cooldown_minutes: 10,
        minimum_samples: 10,
        consecutive_failures: 5,
      },
    ],
  ])("%s", (_, settings) => {
    expect(figures(settings)).toEqual(ALL);
  });

  test("name the key that each figure was read from", () => {
    const { readFrom } = readBreakerFigures({ error_rate_pct: 15, window_minutes: 5, enabled: true, note: "x" }, {});
    expect(readFrom).toEqual({ errorRatePct: "error_rate_pct", windowMs: "window_minutes", enabled: "enabled" });
  });

  test.each([
    ["errorRatePercent", "errorRatePct"],
    ["ERROR_RATE_PCT", "errorRatePct"],
    ["errorRatePCT", "errorRatePct"],
    ["errorRate", "errorRatePct"],
    ["anomaly_rate", "anomalyRatePct"],
  ])("%s is %s", (key, figure) => {
    expect(figures({ [key]: 12 })).toEqual({ [figure]: 12, enabled: true });
  });

  test.each([
    ["window_ms", 1_500, 1_500],
    ["windowMs", 1_500, 1_500],
    ["window_s", 30, 30_000],
    ["window_seconds", 30, 30_000],
    ["window-minutes", 0.5, 30_000],
    ["window_hours", 1, 3_600_000],
    ["window_seconds", "5m", 300_000],
    ["window", "2w", 1_209_600_000],
  ])("%s: %j", (key, value, windowMs) => {
    expect(figures({ [key]: value })).toEqual({ windowMs, enabled: true });
  });

  test("unknown names are no figures, and no problems", () => {
    expect(figures({ errors: 5, window_size: 100, threshold: 0.5, timeout: 10, volume: 3 })).toEqual({ enabled: true });
  });

  test("a name left empty is absent", () => {
    expect(figures({ error_rate_pct: null, window: undefined, enabled: null })).toEqual({ enabled: true });
  });
});

describe("opossum", () => {
  test("in full", () => {
    const settings = {
      timeout: 3_000,
      errorThresholdPercentage: 15,
      volumeThreshold: 10,
      rollingCountTimeout: 60_000,
      resetTimeout: 30_000,
      enabled: true,
    };
    const read = { errorRatePct: 15, minimumSamples: 10, windowMs: 60_000, cooldownMs: 30_000, enabled: true };
    expect(figures(settings)).toEqual(read);
  });

  test("its volumeThreshold is no volume signal", () => {
    expect(figures({ volumeThreshold: 3 })).toEqual({ minimumSamples: 3, enabled: true });
  });

  test.each([
    [{ errorThresholdPercentage: 15 }, { errorRatePct: 15, windowMs: 10_000 }],
    [{ rollingCountTimeout: 60_000 }, { errorRatePct: 50, windowMs: 60_000 }],
    [
      { errorThresholdPercentage: 15, window: "5m" },
      { errorRatePct: 15, windowMs: 300_000 },
    ],
    // Neither of the two spellings that are only opossum's: no default is anybody's guess.
    [
      { volumeThreshold: 3, resetTimeout: 30_000 },
      { minimumSamples: 3, cooldownMs: 30_000 },
    ],
    [{ error_rate_pct: 15 }, { errorRatePct: 15 }],
  ])("defaults of %j", (settings, read) => {
    expect(figures(settings)).toEqual({ ...read, enabled: true });
  });

  test("a default says so", () => {
    const { readFrom } = readBreakerFigures({ errorThresholdPercentage: 15 }, {});
    expect(readFrom).toEqual({
      errorRatePct: "errorThresholdPercentage",
      windowMs: "rollingCountTimeout (opossum's default)",
    });
  });

  test("a default never replaces what could not be read", () => {
    const read = readBreakerFigures({ errorThresholdPercentage: "high", rollingCountTimeout: "10 s" }, {});
    expect(read.problems.map(({ figure }) => figure)).toEqual(["errorRatePct", "windowMs"]);
    expect(read).not.toHaveProperty("errorRatePct");
    expect(read).not.toHaveProperty("windowMs");
  });
});

describe("times, counts, factors", () => {
  test.each([
    ["window", 300, "windowMs", "300 without a unit"],
    ["cooldown", 600, "cooldownMs", "600 without a unit"],
    ["window", "300", "windowMs", "not a duration"],
    ["window", "5 minutes", "windowMs", "not a duration"],
    ["window_seconds", "300", "windowMs", "not a duration"],
    ["window", "0s", "windowMs", "not at least 1 ms"],
    ["window_seconds", 0, "windowMs", "not at least 1 ms"],
    ["window_ms", -1, "windowMs", "not at least 1 ms"],
    ["window_ms", Number.NaN, "windowMs", "not a duration"],
    ["window", true, "windowMs", "not a duration"],
    ["cooldown_s", -1, "cooldownMs", "not at least 0 ms"],
    ["volume_spike_factor", 0, "volumeSpikeFactor", "above 0"],
    ["volume_spike_factor", -3, "volumeSpikeFactor", "above 0"],
    ["volume_spike_factor", "3x", "volumeSpikeFactor", "not a number"],
    ["minimum_samples", -1, "minimumSamples", "not a whole number of at least 0"],
    ["minimum_samples", 1.5, "minimumSamples", "not a whole number"],
    ["minimum_samples", "10", "minimumSamples", "not a number"],
    ["consecutive_failures", 0, "consecutiveFailures", "not a whole number of at least 1"],
  ])("%s: %j is a problem of %s", (key, value, figure, why) => {
    expect(problems({ [key]: value })).toEqual([{ figure, why: expect.stringContaining(why) }]);
  });

  test.each([
    ["window_ms", 1, { windowMs: 1 }],
    ["cooldown", "0s", { cooldownMs: 0 }],
    ["volume_spike_factor", 0.5, { volumeSpikeFactor: 0.5 }],
    ["minimum_samples", 0, { minimumSamples: 0 }],
    ["consecutive_failures", 1, { consecutiveFailures: 1 }],
  ])("%s: %j is read", (key, value, read) => {
    expect(figures({ [key]: value })).toEqual({ ...read, enabled: true });
  });
});

describe("enabled", () => {
  test.each([
    [{}, true],
    [{ enabled: true }, true],
    [{ enabled: false }, false],
    [{ disabled: true }, false],
    [{ disabled: false }, true],
    [{ enabled: true, disabled: false }, true],
  ])("%j", (settings, enabled) => {
    expect(figures(settings)).toEqual({ enabled });
  });

  test.each([{ enabled: "false" }, { enabled: 0 }, { enabled: true, disabled: true }])(
    "%j is off, and a problem",
    (settings) => {
      const read = readBreakerFigures(settings, {});
      expect(read.enabled).toBe(false);
      expect(read.problems).toEqual([expect.objectContaining({ figure: "enabled" })]);
    },
  );
});

describe("two spellings", () => {
  test.each([
    [{ errorRatePct: 15, error_rate_pct: 15 }, { errorRatePct: 15 }],
    [{ window: "5m", window_seconds: 300 }, { windowMs: 300_000 }],
  ])("%j agree", (settings, read) => {
    expect(figures(settings)).toEqual({ ...read, enabled: true });
  });

  test.each([
    [{ errorRatePct: 15, error_rate_pct: 20 }, "errorRatePct is 15, error_rate_pct is 20: which of them holds?"],
    [{ error_rate_pct: 15, errorThresholdPercentage: 50, window: "5m" }, "error_rate_pct is 15, errorThreshold"],
    [{ error_rate_pct: 15, error_rate: 0.15 }, "say unit"],
  ])("%j do not", (settings, why) => {
    const read = readBreakerFigures(settings, {});
    expect(read.problems).toEqual([{ figure: "errorRatePct", why: expect.stringContaining(why) }]);
    expect(read).not.toHaveProperty("errorRatePct");
  });
});

test.each([[null], [undefined], ["text"], [7], [[]], [true]])(
  "settings that are no map (%j) hold nothing",
  (settings) => {
    expect(readBreakerFigures(settings, {})).toEqual({
      enabled: false,
      readFrom: {},
      problems: [{ figure: "settings", why: expect.stringContaining("not a map") }],
    });
  },
);

test("never throws, and every figure it gives is in range and says where it is from", () => {
  const keys = fc.constantFrom(
    "error_rate",
    "errorRatePct",
    "anomaly_rate",
    "window",
    "window_s",
    "rollingCountTimeout",
    "enabled",
  );
  const values = fc.oneof(fc.jsonValue(), fc.double(), fc.integer({ min: -5, max: 120 }), fc.constantFrom("15%", "5m"));
  fc.assert(
    fc.property(fc.dictionary(keys, values), fc.constantFrom("percent", "fraction", undefined), (settings, unit) => {
      const read = readBreakerFigures(settings, unit === undefined ? {} : { unit });
      for (const rate of [read.errorRatePct, read.anomalyRatePct]) {
        if (rate !== undefined) expect(rate >= 0 && rate <= 100).toBe(true);
      }
      const { readFrom, problems: _, enabled: __, ...given } = read;
      for (const figure of Object.keys(given)) expect(readFrom).toHaveProperty(figure);
    }),
  );
});
