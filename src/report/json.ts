import type { Report } from "../audit/report.ts";

/** The report for programs (contract, section 2.5). */
export function renderJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
