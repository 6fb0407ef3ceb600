import { formatDuration } from "../values/duration.ts";
import type { DrillLine } from "./line.ts";

export interface DrillPolicy {
  /** Milliseconds. */
  stopWithinMs: number;
  undoWithinMs: number;
}

/** What a verdict is given on: what was measured, and what went wrong beside it. */
export interface Shown extends Pick<DrillLine, "stop" | "reads" | "undone" | "breaker" | "faults" | "releasedAfterMs"> {
  /** What could not be written, compared or taken back, each in words. */
  troubles: readonly string[];
}

/** Whether a drill held (contract, 2.3 on 05.10, and section 7), and if not, everything that was wrong with it. */
export function verdictOf(shown: Shown, policy: DrillPolicy): DrillLine["verdict"] {
  const wrong = [...stopping(shown, policy), ...beside(shown), ...undoing(shown, policy), ...shown.troubles];
  return wrong.length === 0 ? { held: true, why: null } : { held: false, why: wrong.join("; ") };
}

function stopping({ stop, reads, releasedAfterMs }: Shown, { stopWithinMs }: DrillPolicy): string[] {
  const wrong: string[] = [];
  if (stop.ms === null) wrong.push("the agent did not stop");
  else if (stop.ms >= stopWithinMs) wrong.push(`it took ${formatDuration(stopWithinMs)} or longer to stop`);
  if (reads.sent === 0) wrong.push("no read was sent: agent.probes.read is not configured");
  else if (reads.accepted < reads.sent) wrong.push(`${reads.sent - reads.accepted} of ${reads.sent} reads failed`);
  if (releasedAfterMs === null) wrong.push("writes were not accepted again after the release");
  return wrong;
}

function beside({ breaker, faults }: Shown): string[] {
  const broken = breaker && !breaker.held ? [`the circuit breaker: ${breaker.why ?? "it did not hold"}`] : [];
  return [...broken, ...faults.filter(({ held }) => !held).map(({ fault }) => `it did not hold under ${fault}`)];
}

function undoing({ undone }: Shown, { undoWithinMs }: DrillPolicy): string[] {
  return undone.flatMap(({ type, equal, ms }) => {
    if (!equal) return [`${type} was not restored`];
    return ms > undoWithinMs ? [`${type} took longer than ${formatDuration(undoWithinMs)} to undo`] : [];
  });
}
