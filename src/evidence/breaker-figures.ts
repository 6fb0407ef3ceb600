import { parseDuration } from "../values/duration.ts";
import { readPointer } from "../values/pointer.ts";

/** What a breaker's settings say, without an opinion about it. A figure with a problem is left out. */
export interface BreakerFigures {
  /** Percent, 0 to 100. */
  errorRatePct?: number;
  /** Percent, 0 to 100. */
  anomalyRatePct?: number;
  /** Times the usual volume. */
  volumeSpikeFactor?: number;
  /** Milliseconds. */
  windowMs?: number;
  minimumSamples?: number;
  consecutiveFailures?: number;
  /** Milliseconds. */
  cooldownMs?: number;
  /** True unless the settings say otherwise; false too where what they say could not be read. */
  enabled: boolean;
  /** Which key each figure was read from. */
  readFrom: Record<string, string>;
  problems: { figure: string; why: string }[];
}

export interface BreakerReadingOptions {
  /** Our name (`errorRatePct`, `window`, …) to the name in the settings, or to a JSON Pointer into them. */
  keys?: Record<string, string>;
  /** What a rate is under a name that does not say percent. */
  unit?: "percent" | "fraction";
}

type Rate = "errorRatePct" | "anomalyRatePct";
type Time = "windowMs" | "cooldownMs";
type Count = "minimumSamples" | "consecutiveFailures";
type Figure = Rate | Time | Count | "volumeSpikeFactor" | "enabled";

/** What a name says about the value under it; a number is milliseconds a unit. */
type NamedUnit = "none" | "percent" | "inverted" | number;

interface Place {
  key: string;
  value: unknown;
  unit: NamedUnit;
}

type Outcome = { value: number | boolean } | { why: string };

const PERCENT_WORDS = ["pct", "percent", "percentage"];
const TIME_WORDS = new Map<string, number>([
  ...["ms", "millis", "milliseconds"].map((word) => [word, 1] as const),
  ...["s", "sec", "secs", "seconds"].map((word) => [word, 1_000] as const),
  ...["minute", "minutes"].map((word) => [word, 60_000] as const),
  ...["h", "hour", "hours"].map((word) => [word, 3_600_000] as const),
]);

/** Every spelling that is known, as words joined by dashes, so that camel, snake and kebab case are one. */
const SPELLINGS = new Map<string, { figure: Figure; unit: NamedUnit }>([
  ...rateSpellings("error-rate", "errorRatePct"),
  ...rateSpellings("anomaly-rate", "anomalyRatePct"),
  ...timeSpellings("window", "windowMs"),
  ...timeSpellings("cooldown", "cooldownMs"),
  ["volume-spike-factor", { figure: "volumeSpikeFactor", unit: "none" }],
  ["minimum-samples", { figure: "minimumSamples", unit: "none" }],
  ["consecutive-failures", { figure: "consecutiveFailures", unit: "none" }],
  ["enabled", { figure: "enabled", unit: "none" }],
  ["disabled", { figure: "enabled", unit: "inverted" }],
  // opossum lib/circuit.js. Its volumeThreshold is calls below which no rate is judged: no volume signal.
  ["error-threshold-percentage", { figure: "errorRatePct", unit: "percent" }],
  ["volume-threshold", { figure: "minimumSamples", unit: "none" }],
  ["rolling-count-timeout", { figure: "windowMs", unit: 1 }],
  ["reset-timeout", { figure: "cooldownMs", unit: 1 }],
]);

/** The spellings that only opossum has, and what opossum takes where they are not given (lib/circuit.js). */
const OPOSSUM_DEFAULTS = [
  { words: "error-threshold-percentage", figure: "errorRatePct", key: "errorThresholdPercentage", value: 50 },
  { words: "rolling-count-timeout", figure: "windowMs", key: "rollingCountTimeout", value: 10_000 },
] as const;

const READERS: Record<Figure, (place: Place, options: BreakerReadingOptions) => Outcome> = {
  errorRatePct: readRate,
  anomalyRatePct: readRate,
  windowMs: (place) => readTime(place, 1),
  cooldownMs: (place) => readTime(place, 0),
  volumeSpikeFactor: readFactor,
  minimumSamples: (place) => readCount(place, 0),
  consecutiveFailures: (place) => readCount(place, 1),
  enabled: readSwitch,
};
const FIGURES = Object.keys(READERS) as Figure[];

/** Contract names of figures whose names in the result carry the unit. */
const OUR_NAMES: Record<string, Figure> = {
  ...Object.fromEntries(FIGURES.map((figure) => [figure, figure])),
  window: "windowMs",
  cooldown: "cooldownMs",
};

/** Reads the figures of a circuit breaker from parsed settings (contract, 05.3); never throws, never guesses a unit. */
export function readBreakerFigures(settings: unknown, options: BreakerReadingOptions): BreakerFigures {
  const result: BreakerFigures = { enabled: true, readFrom: {}, problems: [] };
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    const why = `the settings are ${shown(settings)}, not a map`;
    return { ...result, enabled: false, problems: [{ figure: "settings", why }] };
  }
  const known = knownPlaces(settings);
  const mapped = mappedPlaces(settings, options.keys ?? {}, result.problems);
  for (const figure of FIGURES) {
    // Who maps a name says where the figure is: other spellings in the same map are then something else.
    const places = mapped.get(figure) ?? known.get(figure) ?? [];
    settle(figure, places, options, result);
  }
  applyOpossumDefaults(settings, new Set([...known.keys(), ...mapped.keys()]), result);
  return result;
}

/** Reads every spelling of one figure; they must agree. */
function settle(figure: Figure, places: Place[], options: BreakerReadingOptions, result: BreakerFigures): void {
  const [first] = places;
  if (first === undefined) return;
  const outcomes = places.map((place) =>
    place.value === undefined ? { why: `${place.key} is not in the settings` } : READERS[figure](place, options),
  );
  const value = agreed(places, outcomes);
  if ("why" in value) {
    result.problems.push({ figure, why: value.why });
    if (figure === "enabled") result.enabled = false;
    return;
  }
  result.readFrom[figure] = first.key;
  if (figure === "enabled") result.enabled = value.value === true;
  else if (typeof value.value === "number") result[figure] = value.value;
}

function agreed(places: Place[], outcomes: Outcome[]): Outcome {
  const bad = outcomes.find((outcome) => "why" in outcome);
  if (bad !== undefined) return bad;
  const values = outcomes.flatMap((outcome) => ("value" in outcome ? [outcome.value] : []));
  const [value] = values;
  if (value !== undefined && new Set(values).size === 1) return { value };
  return { why: `${places.map((place) => `${place.key} is ${shown(place.value)}`).join(", ")}: which of them holds?` };
}

function knownPlaces(settings: object): Map<Figure, Place[]> {
  const places = new Map<Figure, Place[]>();
  for (const [key, value] of Object.entries(settings)) {
    const spelling = SPELLINGS.get(words(key).join("-"));
    // A key left empty in YAML says nothing: the figure is absent, not wrong.
    if (spelling === undefined || value === null || value === undefined) continue;
    places.set(spelling.figure, [...(places.get(spelling.figure) ?? []), { key, value, unit: spelling.unit }]);
  }
  return places;
}

function mappedPlaces(
  settings: object,
  keys: Record<string, string>,
  problems: BreakerFigures["problems"],
): Map<Figure, Place[]> {
  const places = new Map<Figure, Place[]>();
  for (const [name, key] of Object.entries(keys)) {
    const figure = Object.hasOwn(OUR_NAMES, name) ? OUR_NAMES[name] : undefined;
    if (figure === undefined) {
      problems.push({ figure: name, why: `keys: there is no figure ${name}; there is ${ourNames().join(", ")}` });
      continue;
    }
    const read = readPointer(settings, key.startsWith("/") ? key : `/${escaped(key)}`);
    places.set(figure, [{ key, value: read.found ? read.value : undefined, unit: mappedUnit(figure, key) }]);
  }
  return places;
}

/** A plain key as the token of a JSON Pointer (RFC 6901, section 3). */
function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function ourNames(): string[] {
  return Object.keys(OUR_NAMES).filter((name) => name !== "windowMs" && name !== "cooldownMs");
}

/** What a name that is not ours says about its unit: a known spelling its own, else its words. */
function mappedUnit(figure: Figure, key: string): NamedUnit {
  const parts = words(key.slice(key.lastIndexOf("/") + 1));
  const known = SPELLINGS.get(parts.join("-"));
  if (known?.figure === figure) return known.unit;
  if (figure === "windowMs" || figure === "cooldownMs") return TIME_WORDS.get(parts.at(-1) ?? "") ?? "none";
  return parts.some((part) => PERCENT_WORDS.includes(part)) ? "percent" : "none";
}

function applyOpossumDefaults(settings: object, given: ReadonlySet<Figure>, result: BreakerFigures): void {
  const names = new Set(Object.keys(settings).map((key) => words(key).join("-")));
  if (!OPOSSUM_DEFAULTS.some((spelling) => names.has(spelling.words))) return;
  for (const { figure, key, value } of OPOSSUM_DEFAULTS) {
    if (given.has(figure)) continue;
    result[figure] = value;
    result.readFrom[figure] = `${key} (opossum's default)`;
  }
}

/** Percent. A bare number up to 1 could be either, so it is not read until `unit` says which (contract, 05.3). */
function readRate({ key, value, unit }: Place, options: BreakerReadingOptions): Outcome {
  const ownPercent = typeof value === "string" ? /^(-?\d+(?:\.\d+)?) ?%$/.exec(value)?.[1] : undefined;
  if (ownPercent !== undefined) return percentage(key, shown(value), Number(ownPercent));
  if (!isNumber(value)) return notANumber(key, value);
  if (unit === "percent" || options.unit === "percent") return percentage(key, shown(value), value);
  if (options.unit === "fraction") return percentage(key, `${value} as a fraction`, value * 100);
  if (value > 0 && value <= 1) {
    return {
      why: `${key} is ${value}: that could be ${value}% or ${rounded(value * 100)}%; say unit: percent or fraction`,
    };
  }
  return percentage(key, shown(value), value);
}

function percentage(key: string, said: string, pct: number): Outcome {
  return pct >= 0 && pct <= 100 ? { value: rounded(pct) } : { why: `${key} is ${said}: not between 0 and 100%` };
}

/** Milliseconds, from a duration that names its unit or a number whose key does. */
function readTime({ key, value, unit }: Place, leastMs: number): Outcome {
  const ms = timeOf(value, unit);
  if (ms === undefined) {
    const lacks = isNumber(value) ? `${value} without a unit: write a duration such as 5m` : undefined;
    return { why: `${key} is ${lacks ?? `${shown(value)}, not a duration such as 30s or 5m`}` };
  }
  return ms >= leastMs ? { value: ms } : { why: `${key} is ${shown(value)}, not at least ${leastMs} ms` };
}

function timeOf(value: unknown, unit: NamedUnit): number | undefined {
  if (typeof value === "string") return parseDuration(value);
  return isNumber(value) && typeof unit === "number" ? value * unit : undefined;
}

function readFactor({ key, value }: Place): Outcome {
  if (!isNumber(value)) return notANumber(key, value);
  return value > 0 ? { value } : { why: `${key} is ${value}: it must be above 0` };
}

function readCount({ key, value }: Place, least: number): Outcome {
  if (!isNumber(value)) return notANumber(key, value);
  if (Number.isInteger(value) && value >= least) return { value };
  return { why: `${key} is ${value}, not a whole number of at least ${least}` };
}

function readSwitch({ key, value, unit }: Place): Outcome {
  if (typeof value !== "boolean") return { why: `${key} is ${shown(value)}, not true or false` };
  return { value: unit === "inverted" ? !value : value };
}

function rateSpellings(base: string, figure: Rate): [string, { figure: Figure; unit: NamedUnit }][] {
  return [[base, { figure, unit: "none" }], ...PERCENT_WORDS.map(named)];

  function named(word: string): [string, { figure: Figure; unit: NamedUnit }] {
    return [`${base}-${word}`, { figure, unit: "percent" }];
  }
}

function timeSpellings(base: string, figure: Time): [string, { figure: Figure; unit: NamedUnit }][] {
  return [[base, { figure, unit: "none" }], ...[...TIME_WORDS].map(named)];

  function named([word, ms]: [string, number]): [string, { figure: Figure; unit: NamedUnit }] {
    return [`${base}-${word}`, { figure, unit: ms }];
  }
}

/** The words of a camelCase, snake_case, kebab-case or UPPER_CASE name, in lower case. */
function words(key: string): string[] {
  const parted = key.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return parted
    .toLowerCase()
    .split(/[\s_-]+/)
    .filter((word) => word !== "");
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function notANumber(key: string, value: unknown): Outcome {
  return { why: `${key} is ${shown(value)}, not a number` };
}

/** Twelve digits: 0.07 as a fraction is 7%, not 7.000000000000001%. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

/** A value as a message shows it: short, and never the inside of a map. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  return value === undefined || value === null ? "empty" : `${value as number | boolean}`;
}
