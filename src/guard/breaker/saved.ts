import { SavedReader } from "./json.ts";
import { BASELINE_BUCKETS, BUCKETS, type Counts, type SavedRing } from "./ring.ts";
import { SIGNALS, type Figures, type Signal } from "./state.ts";

/** A breaker as JSON. Times are epoch milliseconds: another process has another monotonic clock. */
export interface SavedBreaker {
  format: typeof FORMAT;
  savedAt: number;
  state: "closed" | "open" | "half-open";
  openings: number;
  /** Null where closed. */
  opening: { number: number; signal: Signal; figures: Figures; openedAt: number } | null;
  /** Writes let through in half-open: how many ended well, and when the time of each of the others is over. */
  halfOpen: { good: number; deadlines: number[] };
  failuresInARow: number;
  writeFailuresInARow: number;
  ring: SavedRing;
}

export const FORMAT = "clawproof-breaker/1";

const read = new SavedReader("The saved breaker");

/**
 * A breaker that was saved; throws a TypeError for anything else. Nothing is guessed: to start closed from damaged text
 * would let writes through that were held, so whoever restores decides what an unreadable one means.
 */
export function readSaved(json: unknown): SavedBreaker {
  const saved = read.record(json, "it");
  if (saved["format"] !== FORMAT) throw read.damaged(`format is not ${FORMAT}`);
  const state = saved["state"];
  if (state !== "closed" && state !== "open" && state !== "half-open") throw read.damaged("state is none");
  const halfOpen = read.record(saved["halfOpen"], "halfOpen");
  const opening = saved["opening"] === null ? null : readOpening(saved["opening"]);
  if ((opening === null) !== (state === "closed")) throw read.damaged(`opening does not go with ${state}`);
  const ring = readRing(saved["ring"]);
  if ((ring.bucketLeftMs !== null) !== (state === "closed")) throw read.damaged(`ring does not go with ${state}`);
  return {
    format: FORMAT,
    savedAt: read.number(saved["savedAt"], "savedAt"),
    state,
    openings: read.count(saved["openings"], "openings"),
    opening,
    halfOpen: {
      good: read.count(halfOpen["good"], "halfOpen.good"),
      deadlines: read
        .list(halfOpen["deadlines"], "halfOpen.deadlines", Infinity)
        .map((one) => read.number(one, "halfOpen.deadlines")),
    },
    failuresInARow: read.count(saved["failuresInARow"], "failuresInARow"),
    writeFailuresInARow: read.count(saved["writeFailuresInARow"], "writeFailuresInARow"),
    ring,
  };
}

function readOpening(json: unknown): SavedBreaker["opening"] {
  const opening = read.record(json, "opening");
  const signal = SIGNALS.find((known) => known === opening["signal"]);
  if (signal === undefined) throw read.damaged("opening.signal is none");
  const figures = Object.entries(read.record(opening["figures"], "opening.figures"));
  return {
    number: read.count(opening["number"], "opening.number"),
    signal,
    figures: Object.fromEntries(figures.map(([name, value]) => [name, read.number(value, `opening.figures.${name}`)])),
    openedAt: read.number(opening["openedAt"], "opening.openedAt"),
  };
}

function readRing(json: unknown): SavedRing {
  const ring = read.record(json, "ring");
  const bucketLeftMs = ring["bucketLeftMs"] === null ? null : read.number(ring["bucketLeftMs"], "ring.bucketLeftMs");
  const buckets = read.list(ring["buckets"], "ring.buckets", BUCKETS).map(readCounts);
  if (buckets.length > 0 !== (bucketLeftMs !== null))
    throw read.damaged("ring.buckets does not go with ring.bucketLeftMs");
  return {
    windowMs: read.number(ring["windowMs"], "ring.windowMs"),
    bucketLeftMs,
    buckets,
    baseline: read
      .list(ring["baseline"], "ring.baseline", BASELINE_BUCKETS)
      .map((one) => read.count(one, "ring.baseline")),
  };
}

function readCounts(json: unknown): Counts {
  const counts = read.record(json, "ring.buckets");
  const countOf = (name: keyof Counts): number => read.count(counts[name], `ring.buckets.${name}`);
  return {
    begun: countOf("begun"),
    anomalous: countOf("anomalous"),
    ended: countOf("ended"),
    failed: countOf("failed"),
    endedWrites: countOf("endedWrites"),
    failedWrites: countOf("failedWrites"),
  };
}
