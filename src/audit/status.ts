import type { CheckReport, StatusWord, Summary } from "./report.ts";

/** Without these two nothing else helps: their failure is NOT READY, and no waiver covers them. */
export const ESSENTIAL: ReadonlySet<string> = new Set(["05.1", "05.2"]);

const WORST_FIRST: readonly StatusWord[] = ["NOT READY", "NEEDS ATTENTION", "NOT JUDGED", "READY"];

type Counted = Pick<CheckReport, "id" | "verdict" | "unknown" | "waiver">;

/** Counts as the `Result:` line gives them. */
export function summarise(checks: readonly Counted[]): Summary {
  const count = (holds: (check: Counted) => boolean) => checks.filter(holds).length;
  return {
    passed: count((check) => check.verdict === "pass"),
    warnings: count((check) => check.verdict === "warn"),
    failed: count((check) => check.verdict === "fail"),
    skipped: count((check) => check.verdict === "skip"),
    unknown: count((check) => check.unknown),
    waived: count((check) => check.waiver !== null),
  };
}

/** The status of a suite (contract, section 2.2); `notJudged` counts checks that nobody judged and that may well apply. */
export function suiteStatus(checks: readonly Counted[], notJudged: number): StatusWord {
  if (checks.some((check) => check.verdict === "fail" && ESSENTIAL.has(check.id))) return "NOT READY";
  const open = checks.some((check) => (check.verdict === "fail" || check.verdict === "warn") && check.waiver === null);
  if (open) return "NEEDS ATTENTION";
  return notJudged > 0 ? "NOT JUDGED" : "READY";
}

/** The status of several suites: the worst of theirs. */
export function worstStatus(statuses: readonly StatusWord[]): StatusWord {
  return WORST_FIRST.find((word) => statuses.includes(word)) ?? "NOT JUDGED";
}
