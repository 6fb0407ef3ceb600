/** One drill's stop: when it ended (ISO 8601), and in how many milliseconds, give or take; null where it did not stop. */
export interface Stop {
  endedAt: string;
  ms: number | null;
  resolutionMs: number;
}

/** Stop times of drills, oldest first. */
export interface Trend {
  drills: number;
  notStopped: number;
  /** Milliseconds of the drills that stopped; null where none did. */
  best: number | null;
  median: number | null;
  worst: number | null;
  /** Why it looks as if stopping takes longer and longer; null where it does not. */
  growing: string | null;
}

/** The last may take this many times the median of those before. */
const LEAP = 1.5;
/** Before this many others there is nothing to compare with. */
const COMPARED = 3;
/** So much of growth in three drills is none. */
const CREEP = 1.2;

/** What the stop times of these drills come to, oldest first. */
export function trendOf(stops: readonly Stop[]): Trend {
  const times = stops.flatMap(({ ms }) => (ms === null ? [] : [ms]));
  return {
    drills: stops.length,
    notStopped: stops.length - times.length,
    best: times.length === 0 ? null : Math.min(...times),
    median: medianOf(times),
    worst: times.length === 0 ? null : Math.max(...times),
    growing: leap(stops) ?? creep(stops),
  };
}

function leap(stops: readonly Stop[]): string | null {
  const last = stops.at(-1);
  const before = stops.slice(0, -1).flatMap(({ ms }) => (ms === null ? [] : [ms]));
  const usual = medianOf(before);
  if (last === undefined || last.ms === null || usual === null || before.length < COMPARED) return null;
  // Below what the probes can tell apart nothing has grown.
  if (last.ms <= LEAP * usual || last.ms - usual <= last.resolutionMs) return null;
  return `the last drill took ${seconds(last.ms)} to stop, over ${LEAP} times the median of those before (${seconds(usual)})`;
}

function creep(stops: readonly Stop[]): string | null {
  const four = stops.slice(-4);
  const [first] = four;
  const last = four.at(-1);
  const firstMs = first?.ms ?? null;
  const lastMs = last?.ms ?? null;
  if (four.length < 4 || firstMs === null || lastMs === null) return null;
  const grows = four.every(({ ms }, index) => index === 0 || (ms !== null && ms > (four[index - 1]?.ms ?? Infinity)));
  if (!grows || lastMs < CREEP * firstMs || lastMs - firstMs <= (last?.resolutionMs ?? 0)) return null;
  return `three drills in a row took longer than the one before: ${four.map(({ ms }) => seconds(ms ?? 0)).join(", ")}`;
}

function medianOf(times: readonly number[]): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** The figures in words: `best 3.0s, median 3.4s, worst 12.9s; 1 of 10 did not stop`. */
export function trendText({ best, median, worst, notStopped, drills }: Trend): string {
  if (best === null || median === null || worst === null) return drills === 0 ? "no drill" : "the agent never stopped";
  const never = notStopped === 0 ? "" : `; ${notStopped} of ${drills} did not stop`;
  return `best ${seconds(best)}, median ${seconds(median)}, worst ${seconds(worst)}${never}`;
}

/** Milliseconds for a person: `3.8s`; under a second `0.25s`, and never nothing, which no stop takes. */
export function seconds(ms: number): string {
  return ms < 995 ? `${(Math.max(10, ms) / 1_000).toFixed(2)}s` : `${(ms / 1_000).toFixed(1)}s`;
}
