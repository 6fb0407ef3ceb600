import { parseDuration } from "../../values/duration.ts";

/** What a breaker goes by. Rates are percent, 0 to 100; times are milliseconds. */
export interface BreakerSettings {
  errorRatePct: number;
  /** Null where nobody says which actions are anomalous. */
  anomalyRatePct: number | null;
  volumeSpikeFactor: number;
  windowMs: number;
  cooldownMs: number;
  minimumSamples: number;
  consecutiveFailures: number;
  /** After opening: writes wait for a person's yes, or for the cooldown. */
  resume: "review" | "auto";
  halfOpenWrites: number;
  /** A half-open write that takes longer has failed. */
  halfOpenTimeLimitMs: number;
}

/** What a user writes under `breaker` in `createGuard`. Durations are texts as `5m`, or milliseconds. */
export interface BreakerOptions<Action = never> {
  errorRatePct?: number | undefined;
  /** Only beside `anomaly`. */
  anomalyRatePct?: number | undefined;
  volumeSpikeFactor?: number | undefined;
  /** At least one second. */
  window?: string | number | undefined;
  cooldown?: string | number | undefined;
  minimumSamples?: number | undefined;
  consecutiveFailures?: number | undefined;
  resume?: "review" | "auto" | undefined;
  halfOpenWrites?: number | undefined;
  halfOpenTimeLimit?: string | number | undefined;
  /** Marks an action before it runs, and does not block it. */
  anomaly?: ((action: Action) => boolean) | undefined;
}

const DEFAULTS = {
  errorRatePct: 15,
  anomalyRatePct: 10,
  volumeSpikeFactor: 3,
  window: 300_000,
  cooldown: 600_000,
  minimumSamples: 10,
  consecutiveFailures: 5,
  resume: "review",
  halfOpenWrites: 1,
  halfOpenTimeLimit: 30_000,
} as const;

const KNOWN: readonly string[] = [...Object.keys(DEFAULTS), "anomaly"];

/** The settings that these options ask for, defaults filled in. Throws a TypeError that names the option and its value. */
export function readBreakerSettings(options: BreakerOptions = {}): BreakerSettings {
  if (typeof options !== "object" || (options as unknown) === null) {
    throw new TypeError(`breaker must be an object of settings, not ${shown(options)}: without it the defaults hold`);
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) throw new TypeError(`breaker.${key} is not a setting; known are ${KNOWN.join(", ")}`);
  }
  const { anomaly, anomalyRatePct } = options;
  if (anomaly !== undefined && typeof anomaly !== "function") throw wrong("anomaly", anomaly, "a function");
  if (anomaly === undefined && anomalyRatePct !== undefined) {
    throw new TypeError(
      `breaker.anomalyRatePct is ${shown(anomalyRatePct)}, but no breaker.anomaly says which actions are anomalous`,
    );
  }
  return {
    errorRatePct: percent("errorRatePct", options),
    anomalyRatePct: anomaly === undefined ? null : percent("anomalyRatePct", options),
    volumeSpikeFactor: factor("volumeSpikeFactor", options),
    windowMs: time("window", options, 1_000),
    cooldownMs: time("cooldown", options, 1),
    minimumSamples: count("minimumSamples", options),
    consecutiveFailures: count("consecutiveFailures", options),
    resume: resume(options),
    halfOpenWrites: count("halfOpenWrites", options),
    halfOpenTimeLimitMs: time("halfOpenTimeLimit", options, 1),
  };
}

type Options = Partial<Record<keyof typeof DEFAULTS, unknown>>;

/** Left out is undefined; null and the like are mistakes. */
function given(name: keyof typeof DEFAULTS, options: Options): unknown {
  const value = options[name];
  return value === undefined ? DEFAULTS[name] : value;
}

function percent(name: "errorRatePct" | "anomalyRatePct", options: Options): number {
  const value = given(name, options);
  if (typeof value === "number" && value > 0 && value <= 100) return value;
  throw wrong(name, value, "a number above 0, at most 100");
}

function factor(name: "volumeSpikeFactor", options: Options): number {
  const value = given(name, options);
  if (typeof value === "number" && value >= 1 && Number.isFinite(value)) return value;
  throw wrong(name, value, "a number of at least 1");
}

function count(name: "minimumSamples" | "consecutiveFailures" | "halfOpenWrites", options: Options): number {
  const value = given(name, options);
  if (typeof value === "number" && value >= 1 && Number.isSafeInteger(value)) return value;
  throw wrong(name, value, "a whole number of at least 1");
}

function time(name: "window" | "cooldown" | "halfOpenTimeLimit", options: Options, leastMs: number): number {
  const value = given(name, options);
  const ms = typeof value === "string" ? parseDuration(value) : value;
  if (typeof ms === "number" && ms >= leastMs && Number.isFinite(ms)) return ms;
  throw wrong(name, value, `a duration as "30s", "5m" or "2h", or milliseconds, of at least ${leastMs} ms`);
}

function resume(options: Options): "review" | "auto" {
  const value = given("resume", options);
  if (value === "review" || value === "auto") return value;
  throw wrong("resume", value, `"review" or "auto"`);
}

function wrong(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(`breaker.${name} is ${shown(value)}; expected ${expected}`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
