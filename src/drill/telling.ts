import type { BreakerRehearsalFacts, KillSample } from "../evidence/facts.ts";
import type { DrillLine } from "./line.ts";
import type { Written } from "./writes.ts";

/** What the timeline of a drill says of each step. */

export type StepName = "fault" | "breaker" | "write" | "stop" | "reads" | "undo" | "release";
export type Tell = (step: StepName, text: string) => void;

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;

/** `agent-frozen: held (answered 0.01 s, refused 0.2 s)`. */
export function faultWords(fault: string, why: string | null, ms: Readonly<Record<string, number>>): string {
  const figures = Object.entries(ms).map(([name, value]) => `${name} ${seconds(value)}`);
  const shown = figures.length > 0 ? ` (${figures.join(", ")})` : "";
  return `${fault}: ${why === null ? "held" : `did not hold: ${why}`}${shown}`;
}

/** `wrong`: in what the breaker did not hold; null where it did. */
export function breakerWords(facts: BreakerRehearsalFacts): { text: string; wrong: string | null } {
  const { writesRefused, writesAccepted, reads, backAfterMs } = facts;
  const wrong: string[] = [];
  if (!writesRefused) {
    wrong.push(
      writesAccepted > 0 ? `${writesAccepted} writes accepted while it was open` : "writes went on while it was open",
    );
  }
  if (reads.sent === 0) wrong.push("no read was seen while it was open");
  else if (reads.accepted < reads.sent) {
    wrong.push(`${reads.sent - reads.accepted} of ${reads.sent} reads failed while it was open`);
  }
  if (backAfterMs === null) wrong.push("writes were not accepted again after it was closed");
  if (wrong.length > 0) return { text: wrong.join("; "), wrong: wrong.join("; ") };
  const back = `closed: writes accepted again after ${seconds(backAfterMs ?? 0)}`;
  return { text: `opened: writes refused, ${reads.accepted} of ${reads.sent} reads went on; ${back}`, wrong: null };
}

export function writtenWords({ type, wrote, why }: Written): string {
  if (why === null) return `${type}: written, and its state changed`;
  return wrote ? `${type}: written, ${why}` : `${type}: ${why}`;
}

export function stopWords({ stop, resolutionMs, acceptedAfterAnswer, number }: KillSample): string {
  if (stop.state === "unknown") return `not measured: ${stop.why}`;
  if (stop.state === "not-stopped") return `writes still accepted ${seconds(stop.afterMs)} after the order`;
  const epoch = number === null ? "" : ` (epoch ${number.epoch})`;
  const after = acceptedAfterAnswer > 0 ? `; ${acceptedAfterAnswer} accepted after the switch had answered` : "";
  return `writes refused ${seconds(stop.ms)} after the order${epoch} (± ${seconds(resolutionMs)})${after}`;
}

export function readsWords({ reads, user, alert }: KillSample): string {
  const said = user && "text" in user ? `; a user reads ${JSON.stringify(shortened(user.text))}` : "";
  const alerted =
    "afterMs" in alert ? `; the alert came ${seconds(alert.afterMs)} after the order` : "; no alert was seen";
  return `${reads.accepted} of ${reads.sent} reads went on${said}${alerted}`;
}

export function undoneWords(undone: DrillLine["undone"], ms: number, left: readonly string[]): string {
  const equal = undone.filter((one) => one.equal).length;
  const different = undone.filter((one) => !one.equal).map(({ type }) => type);
  const restored = `${equal} of ${undone.length} ${undone.length === 1 ? "state" : "states"} as before, after ${seconds(ms)}`;
  const wrong = different.length > 0 ? `; not as before: ${different.join(", ")}` : "";
  return `${restored}${wrong}${left.length > 0 ? `; left: ${left.join("; ")}` : ""}`;
}

export function releaseWords({ backAfterMs }: KillSample): string {
  return backAfterMs === null
    ? "released; writes are not accepted again"
    : `released: writes accepted again after ${seconds(backAfterMs)}`;
}

const SHOWN = 60;
const shortened = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);
