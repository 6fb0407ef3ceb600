import {
  type Check,
  defineCheck,
  fail,
  type JudgeContext,
  type Needs,
  pass,
  type Suite,
} from "../../src/audit/check.ts";
import type { Evidence, Level } from "../../src/audit/fact.ts";
import { DEFAULT_POLICY } from "../../src/audit/policy.ts";
import type { CheckReport, Report, SuiteReport } from "../../src/audit/report.ts";
import { summarise } from "../../src/audit/status.ts";
import { projectFromText } from "../../src/config/load.ts";
import type { Project } from "../../src/config/project.ts";
import type { Gathering } from "../../src/evidence/gathering.ts";

/** Facts, checks and reports made by hand, for the tests of the runner and the renderers. */

export const NOW = Date.parse("2026-11-22T06:00:00.000Z");
export const CONTEXT: JudgeContext = { policy: { ...DEFAULT_POLICY }, now: NOW };

export function evidence(level: Level, fact = "seen"): Evidence {
  return { level, source: "test", fact, at: "2026-11-22T06:00:00.000Z" };
}

export function checkOf<const N extends Needs>(overrides: Partial<Check<N>> & { needs: N }): Check<N> {
  return defineCheck<N>({
    id: "05.7",
    key: "canary-traffic",
    subject: "Canary",
    asks: "Is there one?",
    why: "Because.",
    fix: "configure one",
    section: ["agent"],
    absent: () => fail("No canary configured"),
    judge: () => pass("Canary configured"),
    ...overrides,
  });
}

export function suiteOf(checks: readonly Check[]): Suite {
  return { id: "05", title: "Rollback & Kill Switches", checks };
}

export function projectOf(
  text = "version: 1\nagent:\n  name: support\n",
  options: { environment?: string; env?: Record<string, string> } = {},
): Project {
  return projectFromText(text, {
    file: "/project/clawproof.yaml",
    shownFile: "clawproof.yaml",
    cwd: "/project",
    env: options.env ?? {},
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  });
}

export function gatheringOf(project: Project = projectOf(), overrides: Partial<Gathering> = {}): Gathering {
  let tick = 0;
  return {
    project,
    mode: "full",
    mayAct: true,
    activator: "kim@laptop",
    clock: { now: () => NOW, monotonic: () => (tick += 10) },
    signal: new AbortController().signal,
    progress: { show: () => undefined, clear: () => undefined, say: () => undefined },
    facts: {},
    notBack: [],
    ...overrides,
  };
}

export function rowOf(overrides: Partial<CheckReport> = {}): CheckReport {
  return {
    id: "05.7",
    key: "canary-traffic",
    verdict: "pass",
    unknown: false,
    message: "Canary deployment configured: 5% initial traffic",
    evidence: [],
    remedy: null,
    waiver: null,
    durationMs: 0,
    location: { file: "clawproof.yaml", line: 41, column: 1 },
    ...overrides,
  };
}

export function suiteReportOf(checks: CheckReport[], overrides: Partial<SuiteReport> = {}): SuiteReport {
  return {
    id: "05",
    title: "Rollback & Kill Switches",
    status: "READY",
    summary: summarise(checks),
    notJudged: 0,
    total: checks.length,
    checks,
    ...overrides,
  };
}

export function reportOf(suites: SuiteReport[]): Report {
  return {
    schema: "clawproof/report@1",
    tool: { name: "clawproof", version: "0.1.0" },
    config: { file: "clawproof.yaml", sha256: "ab" },
    agent: "support",
    environment: null,
    by: "kim@laptop",
    startedAt: "2026-11-22T06:00:00.000Z",
    durationMs: 21312,
    status: "READY",
    exitCode: 0,
    expiredWaivers: [],
    suites,
  };
}
