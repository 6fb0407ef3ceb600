import type { Counts } from "./ring.ts";
import type { BreakerSettings } from "./settings.ts";
import type { Signal } from "./state.ts";

/** The first signal over its limit, null where none is. Limits are exceeded, not met; in a row is met. */
export function judge(
  settings: BreakerSettings,
  window: Counts,
  spikeAbove: number,
  failuresInARow: number,
  writeFailuresInARow: number,
): Signal | null {
  const { minimumSamples, errorRatePct, anomalyRatePct } = settings;
  // Reads in between must not hide that every write fails.
  if (writeFailuresInARow >= settings.consecutiveFailures) return "consecutive-write-failures";
  if (failuresInARow >= settings.consecutiveFailures) return "consecutive-failures";
  if (window.endedWrites >= minimumSamples && window.failedWrites * 100 > errorRatePct * window.endedWrites)
    return "write-error-rate";
  if (window.ended >= minimumSamples && window.failed * 100 > errorRatePct * window.ended) return "error-rate";
  if (window.begun < minimumSamples) return null;
  if (anomalyRatePct !== null && window.anomalous * 100 > anomalyRatePct * window.begun) return "anomaly-rate";
  return window.begun > spikeAbove ? "volume" : null;
}
