import { SavedReader } from "./json.ts";

export const BASELINE_FORMAT = "clawproof-baseline/1";

/** What `zScore` has learnt: how many numbers, their mean, and the sum of their squared distances from it. */
export interface SavedSpread {
  format: typeof BASELINE_FORMAT;
  count: number;
  mean: number;
  squares: number;
}

/** What `neverSeen` has learnt from how many actions. */
export interface SavedSeen {
  format: typeof BASELINE_FORMAT;
  by: string;
  learnt: number;
  seen: string[];
}

const read = new SavedReader("The saved baseline");

export function readSpread(json: unknown): SavedSpread {
  const saved = baseline(json);
  const squares = read.number(saved["squares"], "squares");
  if (squares < 0) throw read.damaged("squares is less than 0");
  return {
    format: BASELINE_FORMAT,
    count: read.count(saved["count"], "count"),
    mean: read.number(saved["mean"], "mean"),
    squares,
  };
}

/** A baseline of types says nothing of targets, so `by` has to be the same. */
export function readSeen(json: unknown, by: string, atMost: number): SavedSeen {
  const saved = baseline(json);
  if (saved["by"] !== by) throw read.damaged(`it was not learnt by ${by}`);
  return {
    format: BASELINE_FORMAT,
    by,
    learnt: read.count(saved["learnt"], "learnt"),
    seen: read.list(saved["seen"], "seen", atMost).map((one) => read.text(one, "seen")),
  };
}

function baseline(json: unknown): Record<string, unknown> {
  const saved = read.record(json, "it");
  if (saved["format"] !== BASELINE_FORMAT) throw read.damaged(`format is not ${BASELINE_FORMAT}`);
  return saved;
}
