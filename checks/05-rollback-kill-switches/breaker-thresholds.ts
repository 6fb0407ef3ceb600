import {
  couldNotBeChecked,
  defineCheck,
  fail,
  type Judgement,
  pass,
  type Policy,
  warn,
} from "../../src/audit/check.ts";
import type { BreakerFigures } from "../../src/evidence/breaker-figures.ts";
import { formatDuration } from "../../src/values/duration.ts";
import { percentText } from "./words.ts";

const SUBJECT = "Circuit breaker";
/** Half of all actions failing is not a threshold, it is the catastrophe. */
const CATASTROPHE_PCT = 50;
/** Where to start (contract, 05.3): from 10 % to the limit in force. */
const START_PCT = 10;

const FIX = "set the breaker to error rate 10–15 %, anomaly rate 10–15 %, a volume signal, over a window of 5 minutes";
const COMPLETE = "give the breaker all three signals (error rate, anomaly rate, volume) and a window of 5 minutes";
const READ_IT = "let breaker.settings read the figures from the agent's own file or endpoint instead of declaring them";

/** Figures that decide; a problem with any other is no reason to doubt the breaker. */
const DECIDING = new Set(["settings", "enabled", "errorRatePct", "anomalyRatePct", "windowMs", "volumeSpikeFactor"]);

export default defineCheck({
  id: "05.3",
  key: "breaker-thresholds",
  subject: SUBJECT,
  asks: "Is there a circuit breaker on error rate, anomaly rate and volume, tight enough to open before the damage is done?",
  why: "Nobody watches at three in the morning: a breaker stops what no person has seen yet, if its limits can ever be reached.",
  fix: FIX,
  needs: { breaker: "required" },
  section: ["breaker"],
  absent: () => fail("No circuit breaker configured"),
  judge({ breaker: { figures, level } }, { policy }) {
    const futile = futilities(figures);
    if (futile.length > 0) return fail(`Circuit breaker would not protect: ${futile.join(", ")}`);
    const problem = figures.problems.find(({ figure }) => DECIDING.has(figure));
    if (problem !== undefined) return couldNotBeChecked(SUBJECT, problem.why);
    return (
      looseness(figures, policy) ?? incompleteness(figures) ?? (level === "declared" ? declared() : configured(figures))
    );
  },
});

function configured({ errorRatePct = 0, anomalyRatePct = 0 }: BreakerFigures): Judgement {
  return pass(`Circuit breaker configured: error ${percentText(errorRatePct)}, anomaly ${percentText(anomalyRatePct)}`);
}

function declared(): Judgement {
  return warn("Circuit breaker declared, not read from the agent", READ_IT);
}

/** What makes it no protection at all, in words. */
function futilities(figures: BreakerFigures): string[] {
  const troubled = new Set(figures.problems.map(({ figure }) => figure));
  if (troubled.has("settings")) return [];
  if (!figures.enabled && !troubled.has("enabled")) return ["switched off"];
  const found: string[] = [];
  if (figures.errorRatePct === undefined && !troubled.has("errorRatePct")) found.push("no error rate");
  for (const [signal, pct] of rates(figures)) {
    if (pct >= CATASTROPHE_PCT) found.push(`${signal} ${percentText(pct)}`);
  }
  return found;
}

function looseness(figures: BreakerFigures, policy: Policy): Judgement | null {
  const limits = { error: policy.errorRatePct, anomaly: policy.anomalyRatePct };
  const loose = rates(figures)
    .filter(([signal, pct]) => pct > limits[signal])
    .map(([signal, pct]) => `${signal} ${between(pct, limits[signal])} (start at ${startAt(limits[signal])})`);
  if (figures.windowMs !== undefined && figures.windowMs > policy.windowMs) {
    loose.push(`window ${formatDuration(figures.windowMs)} (start at ${formatDuration(policy.windowMs)})`);
  }
  if (loose.length === 0) return null;
  const lacking = lackingSignals(figures);
  return warn(`Circuit breaker loose: ${[...loose, ...lacking].join(", ")}`);
}

function incompleteness(figures: BreakerFigures): Judgement | null {
  const lacking = lackingSignals(figures);
  return lacking.length === 0 ? null : warn(`Circuit breaker incomplete — ${lacking.join(", ")}`, COMPLETE);
}

/** How tight a rate is cannot be told without the window it is taken over. */
function lackingSignals({ anomalyRatePct, volumeSpikeFactor, windowMs }: BreakerFigures): string[] {
  const signals = [
    ...(anomalyRatePct === undefined ? ["no anomaly"] : []),
    ...(volumeSpikeFactor === undefined ? ["no volume"] : []),
  ];
  const lacking = signals.length > 0 ? [`${signals.join(" and ")} signal`] : [];
  return windowMs === undefined ? [...lacking, "no window"] : lacking;
}

function rates({ errorRatePct, anomalyRatePct }: BreakerFigures): ["error" | "anomaly", number][] {
  return [
    ...(errorRatePct === undefined ? [] : [["error", errorRatePct] as ["error", number]]),
    ...(anomalyRatePct === undefined ? [] : [["anomaly", anomalyRatePct] as ["anomaly", number]]),
  ];
}

function between(pct: number, limit: number): string {
  return percentText(pct, (shown) => shown > limit && shown < CATASTROPHE_PCT);
}

function startAt(limit: number): string {
  return limit > START_PCT ? `${START_PCT}–${percentText(limit)}` : percentText(limit);
}
