import type { JudgeContext, Policy } from "../../src/audit/check.ts";
import type { Evidence, Fact } from "../../src/audit/fact.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import type { DrillStanding, StandingDrill } from "../../src/drill/standing.ts";
import { formatDuration } from "../../src/values/duration.ts";
import { targetText, tenthsText } from "./words.ts";
import { NOT_TAKEN_BACK } from "../../src/values/drill-words.ts";

/** Milliseconds since a drill ended, by its own line. */
export function ageOf({ line }: StandingDrill, now: number): number {
  return now - Date.parse(line.endedAt);
}

/**
 * The drill that began last, which its digest covers (drills of an agent do not overlap); null where there is none with a
 * time in the past.
 */
export function newestDrill(drills: readonly StandingDrill[], now: number): StandingDrill | null {
  const past = drills.filter((drill) => ageOf(drill, now) >= 0);
  return past.reduce<StandingDrill | null>(
    (newest, drill) => (newest === null || beganAt(drill) >= beganAt(newest) ? drill : newest),
    null,
  );
}

const beganAt = ({ line }: StandingDrill): number => Date.parse(line.startedAt);

/**
 * The drill that may speak where nothing was seen in this run: the newest (of those `which` asks about), and only if it
 * is fresh and verifiable. An older one never stands in for it: it would hide what the newest one found.
 */
export function servingDrill(
  drills: Fact<DrillStanding>,
  { now, policy }: JudgeContext,
  which: (drill: StandingDrill) => boolean = () => true,
): StandingDrill | null {
  if (drills.state !== "found" || drills.value.brokenAt !== null) return null;
  const newest = newestDrill(drills.value.drills.filter(which), now);
  if (newest === null || newest.verifiable !== true) return null;
  return ageOf(newest, now) <= policy.drillEveryMs ? newest : null;
}

/** What a drill saw, as evidence dated by its end. */
export function drilledEvidence(drills: Fact<DrillStanding>, { line }: StandingDrill, fact: string): Evidence {
  const source = drills.state === "found" ? drills.value.source : "drill log";
  return { level: "drilled", source, fact: `${fact} (drill ${line.mark})`, at: line.endedAt };
}

/** A line wherever it stands: in a log or in an attestation. */
type Measured = Omit<DrillLine, "previous" | "hash">;

/** What a drill measured that did not hold, in words; a type that was not tried is no failure of the drill. */
export function whatFailed(line: Measured, policy: Policy): string[] {
  const left = line.troubles.filter((trouble) => trouble.startsWith(NOT_TAKEN_BACK));
  return [...stopping(line, policy), ...undoing(line, policy), ...left];
}

function stopping({ stop, reads, releasedAfterMs, breaker, faults }: Measured, { stopWithinMs }: Policy): string[] {
  const wrong: string[] = [];
  if (stop.ms === null) wrong.push("the agent did not stop");
  else if (!(stop.ms < stopWithinMs)) {
    wrong.push(`stopped in ${tenthsText(stop.ms, stopWithinMs)}s (target: ${targetText(stopWithinMs)})`);
  }
  if (reads.sent === 0) wrong.push("no read was sent");
  else if (reads.accepted < reads.sent) wrong.push("reads stopped");
  if (releasedAfterMs === null) wrong.push("the release did not take");
  if (breaker?.held === false) wrong.push("the circuit breaker did not hold");
  return [...wrong, ...faults.filter(({ held }) => !held).map(({ fault }) => `it did not hold under ${fault}`)];
}

function undoing({ undone }: Measured, { undoWithinMs }: Policy): string[] {
  return undone.flatMap(({ type, equal, ms }) => {
    if (!equal) return [`${type} was not restored`];
    return ms <= undoWithinMs ? [] : [`${type} took over ${formatDuration(undoWithinMs)} to undo`];
  });
}
