import type { DrillStanding, StandingDrill } from "./standing.ts";

/** Whether the next drill is due. Times are epoch milliseconds. */
export interface Due {
  state: "fresh" | "due" | "overdue";
  /** The newest drill, and whether it counts, or why not; null where there never was one. */
  last: { drill: StandingDrill; counts: true | { why: string } } | null;
  /** The newest that counts, where the newest does not. */
  lastCounting: StandingDrill | null;
  /** When the next one is due: now, where nothing that counts is newest. */
  dueAt: number;
}

export interface DueLimits {
  now: number;
  /** How long a drill is fresh, from its end. */
  everyMs: number;
  /** Due within this time is due. */
  withinMs: number;
  /** What a drill measured that did not hold, in words. */
  whatFailed: (drill: StandingDrill) => string[];
}

/** Only the newest drill speaks, and only where it held and can be verified: an older one would hide what it found. */
export function dueOf(
  { drills, brokenAt, unit }: Pick<DrillStanding, "drills" | "brokenAt" | "unit">,
  limits: DueLimits,
): Due {
  const { now, everyMs, withinMs } = limits;
  // As the audit has it: the newest is the one that began last, which no end that was moved can change.
  const sorted = [...drills].sort((a, b) => Date.parse(a.line.startedAt) - Date.parse(b.line.startedAt));
  const newest = sorted.at(-1);
  if (newest === undefined) return { state: "overdue", last: null, lastCounting: null, dueAt: now };
  const broken =
    brokenAt === null ? null : `the log's chain is broken at ${unit} ${brokenAt.lineNumber}: ${brokenAt.why}`;
  const why = broken ?? whyNot(newest, limits);
  if (why !== null) {
    const lastCounting = broken === null ? (sorted.findLast((drill) => whyNot(drill, limits) === null) ?? null) : null;
    return { state: "overdue", last: { drill: newest, counts: { why } }, lastCounting, dueAt: now };
  }
  const dueAt = endOf(newest) + everyMs;
  const state = now > dueAt ? "overdue" : dueAt - now <= withinMs ? "due" : "fresh";
  return { state, last: { drill: newest, counts: true }, lastCounting: null, dueAt };
}

function whyNot(drill: StandingDrill, { whatFailed }: DueLimits): string | null {
  const { verdict } = drill.line;
  const failed = whatFailed(drill);
  if (failed.length > 0) return `it did not hold: ${failed.join("; ")}`;
  if (!verdict.held) return `it did not hold: ${verdict.why ?? "it says so itself"}`;
  return drill.verifiable === true ? null : `it cannot be verified: ${drill.verifiable.why}`;
}

function endOf({ line }: StandingDrill): number {
  return Date.parse(line.endedAt);
}
