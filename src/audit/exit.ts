import type { ExitCode, Report } from "./report.ts";

export const FAIL_ON = ["fail", "warn", "never"] as const;
/** The weakest verdict that ends the audit with status 1; `never` is for pipelines that only want the report. */
export type FailOn = (typeof FAIL_ON)[number];

/** All that the exit status depends on. */
export interface Ending {
  /** Null where there is none: it could not run, or was interrupted. */
  report: Pick<Report, "suites"> | null;
  /** How many things that we pulled are not back. */
  notBack: number;
  couldNotRun: boolean;
  interrupted: boolean;
  failOn: FailOn;
}

/** The exit status of an audit: the first line of the contract's table 2.1 that holds. */
export function exitStatus({ report, notBack, couldNotRun, interrupted, failOn }: Ending): ExitCode {
  if (notBack > 0) return 4;
  if (couldNotRun) return 2;
  if (interrupted) return 130;
  if (report === null) return 2;
  if (failOn === "never") return 0;
  const checks = report.suites.flatMap((suite) => suite.checks);
  const counts = checks.some(
    ({ verdict, unknown, waiver }) =>
      waiver === null && ((verdict === "fail" && !unknown) || (verdict === "warn" && failOn === "warn")),
  );
  if (counts) return 1;
  return checks.some(({ unknown }) => unknown) ? 3 : 0;
}
