import type { DrillLine } from "./line.ts";

/** A drill of this agent in this environment, and whether its line can be believed. */
export interface StandingDrill {
  line: DrillLine;
  /** `true`, or why nobody can verify it. */
  verifiable: true | { why: string };
}

/** What the drill log says, newest last. A line about another agent or environment, or from the future, is in `ignored`. */
export interface DrillStanding {
  drills: StandingDrill[];
  ignored: { lineNumber: number; why: string }[];
  /** Where the hash chain breaks; null where it holds. */
  brokenAt: { lineNumber: number; why: string } | null;
  source: string;
}
