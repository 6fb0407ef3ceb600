import { expect, it } from "vitest";
import { readBreakerSettings, type BreakerOptions } from "../../../src/guard/breaker/settings.ts";

it("has the contract's defaults", () => {
  expect(readBreakerSettings()).toEqual({
    errorRatePct: 15,
    anomalyRatePct: null,
    volumeSpikeFactor: 3,
    windowMs: 300_000,
    cooldownMs: 600_000,
    minimumSamples: 10,
    consecutiveFailures: 5,
    resume: "review",
    halfOpenWrites: 1,
    halfOpenTimeLimitMs: 30_000,
  });
  expect(readBreakerSettings({ anomaly: () => true }).anomalyRatePct).toBe(10);
});

it("takes durations as text or milliseconds", () => {
  const { windowMs, cooldownMs } = readBreakerSettings({ window: "1m", cooldown: 1_500, errorRatePct: undefined });
  expect([windowMs, cooldownMs]).toEqual([60_000, 1_500]);
});

it.each([
  [{ errorRatePct: 0 }, "breaker.errorRatePct is 0; expected a number above 0, at most 100"],
  [{ errorRatePct: 100.1 }, "breaker.errorRatePct is 100.1"],
  [{ errorRatePct: Number.NaN }, "breaker.errorRatePct is NaN"],
  [{ errorRatePct: null }, "breaker.errorRatePct is null"],
  [{ anomalyRatePct: 10 }, "breaker.anomalyRatePct is 10, but no breaker.anomaly"],
  [{ anomaly: true }, "breaker.anomaly is true; expected a function"],
  [{ volumeSpikeFactor: 0.9 }, "breaker.volumeSpikeFactor is 0.9"],
  [{ volumeSpikeFactor: Infinity }, "breaker.volumeSpikeFactor is Infinity"],
  [{ window: "999ms" }, 'breaker.window is "999ms"; expected a duration'],
  [{ window: "soon" }, 'breaker.window is "soon"'],
  [{ cooldown: 0 }, "breaker.cooldown is 0"],
  [{ minimumSamples: 1.5 }, "breaker.minimumSamples is 1.5"],
  [{ consecutiveFailures: 0 }, "breaker.consecutiveFailures is 0"],
  [{ halfOpenWrites: 0 }, "breaker.halfOpenWrites is 0"],
  [{ resume: "never" }, 'breaker.resume is "never"; expected "review" or "auto"'],
  [{ errorRate: 15 }, "breaker.errorRate is not a setting; known are errorRatePct,"],
])("names what is wrong: %j", (options, message) => {
  expect(() => readBreakerSettings(options as unknown as BreakerOptions)).toThrow(TypeError);
  expect(() => readBreakerSettings(options as unknown as BreakerOptions)).toThrow(message);
});
