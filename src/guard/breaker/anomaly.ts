import { BASELINE_FORMAT, readSeen, readSpread, type SavedSeen, type SavedSpread } from "./baseline.ts";

/** An anomaly test that learns: for `breaker.anomaly`. What it has learnt can be saved, and given as `saved` next time. */
export interface LearningTest<Action, Saved> {
  (action: Action): boolean;
  save(): Saved;
}

/**
 * Marks an action whose number lies more than `threshold` standard deviations from the mean of those before it; without a
 * verdict until `minimumSamples` are known. What is no finite number is anomalous. Marked numbers are not learnt, so that
 * a long attack does not become the usual; a lasting change of the usual needs a new baseline, too. Throws a TypeError for
 * wrong options and for a `saved` that cannot be read.
 */
export function zScore<Action>(
  numberOf: (action: Action) => number,
  options: { threshold?: number; minimumSamples?: number; saved?: unknown } = {},
): LearningTest<Action, SavedSpread> {
  const { threshold = 3, minimumSamples = 30, saved } = options;
  if (!(threshold > 0) || !Number.isFinite(threshold)) throw wrong("zScore: threshold", threshold, "a number above 0");
  if (!Number.isSafeInteger(minimumSamples) || minimumSamples < 2)
    throw wrong("zScore: minimumSamples", minimumSamples, "a whole number of at least 2");
  const start = saved === undefined ? { count: 0, mean: 0, squares: 0 } : readSpread(saved);
  let { count, mean, squares } = start;
  const test = (action: Action): boolean => {
    const value = numberOf(action);
    if (!Number.isFinite(value)) return true;
    const distance = value - mean;
    if (count >= minimumSamples && Math.abs(distance) > threshold * Math.sqrt(squares / (count - 1))) return true;
    // Welford: the mean, and the sum of squared distances from it, without keeping the numbers.
    count += 1;
    mean += distance / count;
    squares += distance * (value - mean);
    return false;
  };
  return Object.assign(test, { save: (): SavedSpread => ({ format: BASELINE_FORMAT, count, mean, squares }) });
}

export type SeenBy = "type" | "target" | "type-and-target";

/** So many are remembered at most, each with at most this many characters. */
const LEARN_AT_MOST = 100_000;
const KEY_AT_MOST = 512;

/**
 * Marks an action whose type, target, or both together did not occur among the first `learn` actions. Nothing is learnt
 * later. Longer names than 512 characters are not remembered, so they are always new. Throws a TypeError for wrong options
 * and for a `saved` that cannot be read.
 */
export function neverSeen(options: {
  by: SeenBy;
  /** How many actions make the baseline: 1 to 100,000. */
  learn: number;
  saved?: unknown;
}): LearningTest<{ type: string; target?: string | null | undefined }, SavedSeen> {
  const { by, learn, saved } = options;
  if (!["type", "target", "type-and-target"].includes(by))
    throw wrong("neverSeen: by", by, `"type", "target" or "type-and-target"`);
  if (!Number.isSafeInteger(learn) || learn < 1 || learn > LEARN_AT_MOST)
    throw wrong("neverSeen: learn", learn, `a whole number from 1 to ${LEARN_AT_MOST}`);
  const start = saved === undefined ? null : readSeen(saved, by, LEARN_AT_MOST);
  const seen = new Set(start?.seen);
  let learnt = start?.learnt ?? 0;
  const test = (action: { type: string; target?: string | null | undefined }): boolean => {
    const key = keyOf(action, by);
    if (learnt >= learn) return !seen.has(key);
    learnt += 1;
    if (key.length <= KEY_AT_MOST) seen.add(key);
    return false;
  };
  return Object.assign(test, { save: (): SavedSeen => ({ format: BASELINE_FORMAT, by, learnt, seen: [...seen] }) });
}

/** No target is not the same as one without a name. */
function keyOf({ type, target }: { type: string; target?: string | null | undefined }, by: SeenBy): string {
  if (by === "type") return type;
  const targetKey = typeof target === "string" ? `=${target}` : "";
  return by === "target" ? targetKey : `${type.length}:${type}${targetKey}`;
}

function wrong(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(
    `${name} is ${typeof value === "string" ? JSON.stringify(value) : String(value)}; expected ${expected}`,
  );
}
