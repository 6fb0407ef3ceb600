import type { DrillStanding } from "../drill/standing.ts";
import { seconds, type Trend, trendText } from "../drill/trend.ts";

/** One drill as the log prints it. */
export interface ShownDrill {
  lineNumber: number;
  mark: string;
  version: string | null;
  /** ISO 8601. */
  endedAt: string;
  stopMs: number | null;
  resolutionMs: number;
  /** Action types taken back, of those written. */
  undone: number;
  written: number;
  held: boolean;
  why: string | null;
  by: string;
  /** `true`, or why nobody can verify it; null where that was not asked. */
  verifiable: true | string | null;
  proof: string | null;
}

/** What `clawproof drill log` shows. */
export interface Shown extends Omit<DrillStanding, "drills"> {
  agent: string;
  environment: string | null;
  drills: ShownDrill[];
  /** Whether every line was held against the switch's log or a key. */
  verified: boolean;
  /** The first that is broken; its `lineNumber` is 0 where what is missing has none. */
  firstBroken: { lineNumber: number; why: string } | null;
  /** Why there is no log at all. */
  missing: string | null;
}

const BAR = 24;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** The log for a person, a line each. */
export function drillLogLines(shown: Shown, trend: Trend): string[] {
  const { agent, environment, source, drills, missing, ignored, unit, verified, firstBroken } = shown;
  const where = environment === null ? "" : ` in ${environment}`;
  const head =
    missing === null ? `Drills of ${agent}${where} — ${source}` : `No drill of ${agent}${where} yet: ${missing}`;
  return [
    head,
    ...(missing === null && drills.length === 0 ? ["none yet; clawproof drill holds one"] : []),
    ...(drills.length === 0 ? [] : ["", ...table(drills, verified), "", ...figures(trend, drills, verified)]),
    ...ignored.map(({ lineNumber, why }) => `passed over: ${unit} ${lineNumber}: ${why}`),
    ...(firstBroken === null ? [] : [`BROKEN: ${placed(firstBroken, unit)}${firstBroken.why}`]),
    ...(verified && firstBroken === null && drills.length > 0
      ? ["every drill was held against the switch's log or a key that may sign"]
      : []),
    ...(verified && drills.length === 0 ? ["there is no drill to verify"] : []),
  ];
}

function placed({ lineNumber }: { lineNumber: number }, unit: string): string {
  return lineNumber === 0 ? "" : `${unit} ${lineNumber}: `;
}

function table(drills: readonly ShownDrill[], verified: boolean): string[] {
  const worst = Math.max(1, ...drills.map(({ stopMs }) => stopMs ?? 0));
  const rows = drills.map((drill) => [
    `${drill.endedAt.slice(0, 16).replace("T", " ")} UTC`,
    drill.version ?? "—",
    drill.stopMs === null ? "never" : seconds(drill.stopMs),
    drill.stopMs === null ? "×" : bar(drill.stopMs / worst),
    `${drill.undone}/${drill.written}`,
    drill.held ? "held" : "FAILED",
    [drill.why ?? "", verified ? wordsFor(drill) : ""].filter(Boolean).join("; "),
  ]);
  const titles = ["ended", "version", "stop", "", "undone", "", ""];
  const widths = titles.map((title, column) =>
    Math.max(...[titles, ...rows].map((row) => (row[column] ?? title).length)),
  );
  return [titles, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function wordsFor({ verifiable, proof }: ShownDrill): string {
  return verifiable === true ? (proof ?? "") : `NOT VERIFIABLE: ${verifiable ?? ""}`;
}

/** A part of the width, to the eighth of a sign; never nothing. */
function bar(part: number): string {
  const eighths = Math.max(1, Math.round(part * BAR * 8));
  return `${"█".repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8] ?? ""}`;
}

function figures(trend: Trend, drills: readonly ShownDrill[], verified: boolean): string[] {
  const leftOut = drills.length - trend.drills;
  const without = verified && leftOut > 0 ? `; ${leftOut} that cannot be verified left out` : "";
  return [
    `stop times: ${trendText(trend)}${without}`,
    ...(trend.growing === null ? [] : [`WARNING: ${trend.growing}`]),
  ];
}
