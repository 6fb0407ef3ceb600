import { Chalk, type ChalkInstance } from "chalk";
import type { CheckReport, Report, SuiteReport } from "../audit/report.ts";
import { printable } from "./printable.ts";

export interface TerminalOptions {
  /** `quiet` leaves out what to do next; `verbose` shows the evidence under each line. */
  detail: "quiet" | "normal" | "verbose";
  colour: boolean;
}

const PLAIN: TerminalOptions = { detail: "normal", colour: false };
/** As wide as `[PASS] `, so that evidence begins under the message. */
const INDENT = " ".repeat(7);

/** The report for people (contract, section 2.2). */
export function renderTerminal(report: Report, options: TerminalOptions = PLAIN): string {
  const paint = new Chalk({ level: options.colour ? 1 : 0 });
  const blocks = report.suites.map((suite) => suiteLines(suite, paint, options.detail === "verbose"));
  if (options.detail !== "quiet") blocks.push(nextLines(report, paint));
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function suiteLines(suite: SuiteReport, paint: ChalkInstance, verbose: boolean): string[] {
  const title = `CHECK ${suite.id} — ${suite.title}`;
  return [
    paint.bold(title),
    "─".repeat([...title].length),
    ...suite.checks.flatMap((check) => [
      `${tag(check, paint)} ${printable(check.message)}`,
      ...(verbose ? evidenceLines(check, paint) : []),
    ]),
    "",
    `Result: ${resultText(suite)}`,
    `Status: ${statusText(suite, paint)}`,
  ];
}

function tag({ verdict }: CheckReport, paint: ChalkInstance): string {
  const painted = { pass: paint.green, warn: paint.yellow, fail: paint.red, skip: paint.dim }[verdict];
  return painted(`[${verdict.toUpperCase()}]`);
}

function evidenceLines({ evidence }: CheckReport, paint: ChalkInstance): string[] {
  return evidence.map(({ level, source, fact, at }) =>
    paint.dim(`${INDENT}${level.padEnd(9)}  ${printable(source)}: ${printable(fact)} (${at})`),
  );
}

/** `8 passed, 1 warning, 1 failed (1 could not be checked), 2 skipped`; zero counts stay but for the last two. */
function resultText({ summary: { passed, warnings, failed, unknown, skipped } }: SuiteReport): string {
  const counts = `${passed} passed, ${warnings} ${warnings === 1 ? "warning" : "warnings"}, ${failed} failed`;
  return (
    counts + (unknown > 0 ? ` (${unknown} could not be checked)` : "") + (skipped > 0 ? `, ${skipped} skipped` : "")
  );
}

function statusText({ status, notJudged, total, checks }: SuiteReport, paint: ChalkInstance): string {
  const ends = checks.flatMap(({ waiver }) => (waiver ? [waiver.until] : [])).sort();
  const painted = {
    "NOT READY": paint.red,
    "NEEDS ATTENTION": paint.yellow,
    "NOT JUDGED": paint.dim,
    READY: paint.green,
  }[status](status);
  if (status === "NOT JUDGED") return `${painted} (${notJudged} of ${total})`;
  return status === "READY" && ends[0] !== undefined ? `${painted} (${ends.length} waived until ${ends[0]})` : painted;
}

/** What to do about each warn and fail, and where. */
function nextLines(report: Report, paint: ChalkInstance): string[] {
  const open = report.suites
    .flatMap(({ checks }) => checks)
    .filter(({ verdict }) => verdict === "warn" || verdict === "fail");
  if (open.length === 0) return [];
  const width = Math.max(...open.map(({ id }) => id.length));
  return [paint.bold("Next:"), ...open.map((check) => `  ${check.id.padEnd(width)}  ${nextText(check, paint)}`)];
}

function nextText({ remedy, waiver, location }: CheckReport, paint: ChalkInstance): string {
  const waived = waiver
    ? `, waived until ${waiver.until} by ${printable(waiver.owner)}: ${printable(waiver.reason)}`
    : "";
  return `${printable(remedy ?? "")}${waived} ${paint.dim(`(${location.file}:${location.line})`)}`;
}
