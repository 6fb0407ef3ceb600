import type { VerdictWord } from "./check.ts";
import type { Evidence, Location } from "./fact.ts";

/** How ready the agent is, as a word that a script can compare; the terminal adds counts and dates to it. */
export type StatusWord = "NOT READY" | "NEEDS ATTENTION" | "NOT JUDGED" | "READY";

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 130;

/** Why a finding does not count for now, and until when (that day, UTC). */
export interface WaiverNote {
  reason: string;
  owner: string;
  until: string;
}

/** A waiver whose day is over: named, so that nobody believes it still holds. */
export interface ExpiredWaiver extends WaiverNote {
  check: string;
  location: Location;
}

/** Failed includes what could not be checked (`unknown`), warnings include what is waived. */
export interface Summary {
  passed: number;
  warnings: number;
  failed: number;
  skipped: number;
  unknown: number;
  waived: number;
}

export interface CheckReport {
  id: string;
  key: string;
  verdict: VerdictWord;
  unknown: boolean;
  message: string;
  evidence: Required<Evidence>[];
  /** What to do about a warn or a fail; null for the rest. */
  remedy: string | null;
  waiver: WaiverNote | null;
  /** Time spent on gathering what this check needs and on judging it; what checks share counts for each. */
  durationMs: number;
  /** Where the remedy is to be applied. */
  location: Location;
}

export interface SuiteReport {
  id: string;
  title: string;
  status: StatusWord;
  summary: Summary;
  /** Checks of the suite that were left out, or skipped without being shown not to apply; of `total`. */
  notJudged: number;
  total: number;
  checks: CheckReport[];
}

/** What an audit found: the JSON form (contract, section 2.5), and all that any renderer sees. */
export interface Report {
  schema: "clawproof/report@1";
  tool: { name: "clawproof"; version: string };
  config: { file: string; sha256: string };
  agent: string;
  environment: string | null;
  by: string;
  startedAt: string;
  durationMs: number;
  status: StatusWord;
  exitCode: ExitCode;
  expiredWaivers: ExpiredWaiver[];
  suites: SuiteReport[];
}
