import { describe, expect, test } from "vitest";
import { type Ending, exitStatus, FAIL_ON, type FailOn } from "../../src/audit/exit.ts";
import type { CheckReport, ExitCode } from "../../src/audit/report.ts";
import { rowOf, suiteReportOf } from "./support.ts";

const waiver = { reason: "r", owner: "o", until: "2026-12-31" };
const ROWS = {
  pass: rowOf(),
  skip: rowOf({ verdict: "skip" }),
  waived: rowOf({ verdict: "warn", waiver }),
  warn: rowOf({ verdict: "warn" }),
  unknown: rowOf({ verdict: "fail", unknown: true }),
  fail: rowOf({ verdict: "fail" }),
} satisfies Record<string, CheckReport>;
type Row = keyof typeof ROWS;
const NAMES = Object.keys(ROWS) as Row[];

function end(rows: readonly Row[], overrides: Partial<Ending> = {}): ExitCode {
  const report = { suites: [suiteReportOf(rows.map((row) => ROWS[row]))] };
  return exitStatus({ report, notBack: 0, couldNotRun: false, interrupted: false, failOn: "fail", ...overrides });
}

/** Table 2.1 from its fourth line on, in other words than the code's. */
function expected(rows: ReadonlySet<Row>, failOn: FailOn): ExitCode {
  if (failOn === "never") return 0;
  if (rows.has("fail") || (failOn === "warn" && rows.has("warn"))) return 1;
  return rows.has("unknown") ? 3 : 0;
}

describe("exitStatus", () => {
  const combinations = Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
    NAMES.filter((_, index) => (bits >> index) % 2 === 1),
  );
  for (const failOn of FAIL_ON) {
    test(`every mix of rows with --fail-on ${failOn}`, () => {
      for (const rows of combinations) {
        expect(end(rows, { failOn }), rows.join(" ")).toBe(expected(new Set(rows), failOn));
      }
    });
  }

  test("the first line of the table that holds decides, whatever the rows say", () => {
    for (const rows of combinations) {
      for (const failOn of FAIL_ON) {
        expect(end(rows, { failOn, notBack: 1, couldNotRun: true, interrupted: true })).toBe(4);
        expect(end(rows, { failOn, couldNotRun: true, interrupted: true })).toBe(2);
        expect(end(rows, { failOn, interrupted: true })).toBe(130);
      }
    }
  });

  test("no report and no reason is no success", () => {
    expect(end([], { report: null })).toBe(2);
    expect(end([], { report: null, failOn: "never" })).toBe(2);
    expect(end([], { report: null, interrupted: true })).toBe(130);
  });
});
