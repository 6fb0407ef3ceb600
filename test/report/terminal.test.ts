import { describe, expect, test } from "vitest";
import type { CheckReport, SuiteReport } from "../../src/audit/report.ts";
import { renderJson } from "../../src/report/json.ts";
import { renderTerminal, type TerminalOptions } from "../../src/report/terminal.ts";
import { reportOf, rowOf, suiteReportOf } from "../audit/support.ts";

/** The contract's own transcript, byte for byte. */
const TRANSCRIPT = `CHECK 05 — Rollback & Kill Switches
───────────────────────────────────
[PASS] Kill switch endpoint active (independent service)
[PASS] Kill switch response time: ~4 seconds (target: <30s)
[PASS] Circuit breaker configured: error 15%, anomaly 10%
[PASS] Graceful degradation: reads continue when breaker is open
[PASS] Rollback state recorded for write actions (3 action types)
[WARN] Rollback script covers 2/3 write action types — db_update missing
[PASS] Canary deployment configured: 5% initial traffic
[PASS] Fallback response template configured
[PASS] Kill switch activation logging and alerting active
[FAIL] No kill switch drill in the last 90 days

Result: 8 passed, 1 warning, 1 failed
Status: NEEDS ATTENTION
`;

const QUIET: TerminalOptions = { detail: "quiet", colour: false };
const NORMAL: TerminalOptions = { detail: "normal", colour: false };

function transcriptSuite(): SuiteReport {
  const rows = [...TRANSCRIPT.matchAll(/^\[(PASS|WARN|FAIL)\] (.*)$/gm)].map(([, word = "", message = ""], index) => {
    const verdict = word.toLowerCase() as CheckReport["verdict"];
    const remedy = verdict === "pass" ? null : `mend ${index + 1}`;
    return rowOf({ id: `05.${index + 1}`, verdict, message, remedy });
  });
  return suiteReportOf(rows, { status: "NEEDS ATTENTION" });
}

function tail(suite: SuiteReport, options = QUIET): string[] {
  return renderTerminal(reportOf([suite]), options)
    .split("\n")
    .filter((line) => /^(Result|Status): /.test(line));
}

describe("renderTerminal", () => {
  test("is the contract's transcript with -q", () => {
    expect(renderTerminal(reportOf([transcriptSuite()]), QUIET)).toBe(TRANSCRIPT);
  });

  test("says what to do next, aligned, with places", () => {
    expect(renderTerminal(reportOf([transcriptSuite()]), NORMAL)).toBe(
      `${TRANSCRIPT}\nNext:\n  05.6   mend 6 (clawproof.yaml:41)\n  05.10  mend 10 (clawproof.yaml:41)\n`,
    );
  });

  test("has no Next where nothing is to be done", () => {
    expect(renderTerminal(reportOf([suiteReportOf([rowOf()])]), NORMAL)).not.toContain("Next:");
  });

  test("shows the evidence under its line with -v", () => {
    const row = rowOf({
      evidence: [
        {
          level: "probed",
          source: "POST http://s/stop",
          fact: "refused after 3.9 s",
          at: "2026-11-22T06:00:00.000Z",
          data: {},
        },
        { level: "inspected", source: "rollout.yaml", fact: "setWeight 5", at: "2026-11-22T06:00:00.000Z", data: {} },
      ],
    });
    const text = renderTerminal(reportOf([suiteReportOf([row])]), { detail: "verbose", colour: false });
    expect(text.split("\n").slice(2, 5)).toEqual([
      "[PASS] Canary deployment configured: 5% initial traffic",
      "       probed     POST http://s/stop: refused after 3.9 s (2026-11-22T06:00:00.000Z)",
      "       inspected  rollout.yaml: setWeight 5 (2026-11-22T06:00:00.000Z)",
    ]);
  });

  test("counts: plural forms, zeros, what could not be checked, what was skipped", () => {
    const warn = rowOf({ verdict: "warn" });
    const unknown = rowOf({ verdict: "fail", unknown: true });
    const failed = rowOf({ verdict: "fail" });
    const skipped = rowOf({ verdict: "skip" });
    expect(tail(suiteReportOf([]))[0]).toBe("Result: 0 passed, 0 warnings, 0 failed");
    expect(tail(suiteReportOf([warn, failed, unknown]))[0]).toBe(
      "Result: 0 passed, 1 warning, 2 failed (1 could not be checked)",
    );
    expect(tail(suiteReportOf([warn, warn, rowOf(), skipped]))[0]).toBe(
      "Result: 1 passed, 2 warnings, 0 failed, 1 skipped",
    );
    expect(tail(suiteReportOf([unknown, unknown, skipped, skipped]))[0]).toBe(
      "Result: 0 passed, 0 warnings, 2 failed (2 could not be checked), 2 skipped",
    );
  });

  test("status: how many were not judged, and until when findings are waived", () => {
    const waived = (until: string) => rowOf({ verdict: "warn", waiver: { reason: "r", owner: "o", until } });
    expect(tail(suiteReportOf([rowOf()], { status: "NOT JUDGED", notJudged: 1, total: 10 }))[1]).toBe(
      "Status: NOT JUDGED (1 of 10)",
    );
    expect(tail(suiteReportOf([waived("2027-03-31")]))[1]).toBe("Status: READY (1 waived until 2027-03-31)");
    expect(tail(suiteReportOf([waived("2027-03-31"), waived("2026-12-31")]))[1]).toBe(
      "Status: READY (2 waived until 2026-12-31)",
    );
    expect(tail(suiteReportOf([rowOf()]))[1]).toBe("Status: READY");
    expect(tail(suiteReportOf([waived("2027-03-31")], { status: "NOT READY" }))[1]).toBe("Status: NOT READY");
  });

  test("Next says what is waived, by whom and why", () => {
    const waiver = { reason: "One tenant", owner: "dana@example.com", until: "2027-03-31" };
    const text = renderTerminal(
      reportOf([suiteReportOf([rowOf({ verdict: "warn", remedy: "start at 5%", waiver })])]),
      NORMAL,
    );
    expect(text).toContain(
      "  05.7  start at 5%, waived until 2027-03-31 by dana@example.com: One tenant (clawproof.yaml:41)\n",
    );
  });

  test("several suites, one Next", () => {
    const text = renderTerminal(reportOf([transcriptSuite(), { ...transcriptSuite(), id: "06" }]), NORMAL);
    expect(text.match(/^CHECK /gm)).toHaveLength(2);
    expect(text.match(/^Next:$/gm)).toHaveLength(1);
    expect(text).toContain("Status: NEEDS ATTENTION\n\nCHECK 06 — ");
  });

  test("colours: green, yellow, red, dim", () => {
    const rows = (["pass", "warn", "fail", "skip"] as const).map((verdict) => rowOf({ verdict, message: "m" }));
    const text = renderTerminal(reportOf([suiteReportOf(rows)]), { detail: "quiet", colour: true });
    expect(text.split("\n").slice(2, 6)).toEqual([
      "\u001b[32m[PASS]\u001b[39m m",
      "\u001b[33m[WARN]\u001b[39m m",
      "\u001b[31m[FAIL]\u001b[39m m",
      "\u001b[2m[SKIP]\u001b[22m m",
    ]);
  });

  test("what others wrote cannot drive the terminal", () => {
    const text = renderTerminal(reportOf([suiteReportOf([rowOf({ message: "a\u001b[2Jb\r\nc\u202ed" })])]), QUIET);
    expect(text).toContain("[PASS] a [2Jb c d\n");
  });
});

test("renderJson is the report itself", () => {
  const report = reportOf([transcriptSuite()]);
  expect(JSON.parse(renderJson(report))).toEqual(report);
  expect(renderJson(report).endsWith("}\n")).toBe(true);
});
