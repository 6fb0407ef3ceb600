import type { DrillLine } from "./line.ts";

/** A drill of this agent in this environment, and whether its line can be believed. */
export interface StandingDrill {
  line: DrillLine;
  /** Its number in the store: of a line of the file, or of an entry of the switch's log. */
  lineNumber: number;
  /** `true`, or why nobody can verify it. */
  verifiable: true | { why: string };
  /** What it was held against: `held against the switch's log`, `signed by drills.pub`; null where nothing vouches for it. */
  proof: string | null;
}

/** What the drill log says, newest last. A line about another agent or environment, or from the future, is in `ignored`. */
export interface DrillStanding {
  drills: StandingDrill[];
  ignored: { lineNumber: number; why: string }[];
  /** Where the hash chain breaks; null where it holds. */
  brokenAt: { lineNumber: number; why: string } | null;
  /** Drills that the switch's own log has and that no line accounts for, oldest first; none where it was not read. */
  unaccounted: { at: number; reason: string }[];
  source: string;
  /** What a `lineNumber` counts. */
  unit: "line" | "entry";
}
