import { absent, failed, found, withheld } from "../audit/fact.ts";
import { contextOf } from "../doors/context.ts";
import { formatDuration } from "../values/duration.ts";
import { type BreakerFigures, readBreakerFigures } from "./breaker-figures.ts";
import type { Gather } from "./gathering.ts";

/** The breaker's limits, from the agent's own settings, else as clawproof.yaml declares them. */
export const gatherBreaker: Gather<"breaker"> = async ({ project, mode, clock, signal }) => {
  const breaker = project.config.breaker;
  const at = new Date(clock.now()).toISOString();
  if (!breaker) return absent("breaker is not configured", project.where([]));
  const options = {
    ...(breaker.keys === undefined ? {} : { keys: breaker.keys as Record<string, string> }),
    ...(breaker.unit === undefined ? {} : { unit: breaker.unit }),
  };
  if (breaker.settings === undefined) {
    const place = project.where(["breaker", "declared"]);
    if (!breaker.declared) return absent("breaker.settings is not configured", project.where(["breaker"]));
    const figures = readBreakerFigures(breaker.declared, options);
    const source = `${place.file}:${place.line}`;
    return found({ figures, level: "declared" }, [{ level: "declared", source, fact: sentence(figures), at }], place);
  }
  const place = project.where(["breaker", "settings"]);
  const { isOffline, readSourceValue, SourceFailed } = await import("../doors/source.ts");
  if (mode === "offline" && !isOffline(breaker.settings)) return withheld("--offline opens no connection", place);
  try {
    const read = await readSourceValue(breaker.settings, contextOf(project, {}, { signal }));
    const figures = readBreakerFigures(read.value, options);
    const from = read.location ?? null;
    const source = from ? `${read.shown}:${from.line}` : read.shown;
    const level = read.level;
    return found({ figures, level }, [{ level, source, fact: sentence(figures), at }], from ?? place);
  } catch (error) {
    if (error instanceof SourceFailed) return failed(error.why, place);
    throw error;
  }
};

function sentence(figures: BreakerFigures): string {
  const parts: string[] = [];
  const { errorRatePct, anomalyRatePct, volumeSpikeFactor, windowMs, minimumSamples, enabled, problems } = figures;
  if (!enabled) parts.push("switched off");
  if (errorRatePct !== undefined) parts.push(`error ${errorRatePct}%`);
  if (anomalyRatePct !== undefined) parts.push(`anomaly ${anomalyRatePct}%`);
  if (volumeSpikeFactor !== undefined) parts.push(`volume ${volumeSpikeFactor} × the usual`);
  if (windowMs !== undefined) parts.push(`window ${formatDuration(windowMs)}`);
  if (minimumSamples !== undefined) parts.push(`at least ${minimumSamples} samples`);
  for (const { figure, why } of problems) parts.push(`${figure}: ${why}`);
  return parts.join(", ") || "no figures";
}
