import { dirname, isAbsolute, join } from "node:path";
import type { Project } from "../config/project.ts";
import type { FactName } from "../evidence/facts.ts";
import type { Location } from "./fact.ts";
import type { Durations } from "./gather.ts";
import type { Judged } from "./judge.ts";
import type { CheckReport, ExpiredWaiver, SuiteReport } from "./report.ts";
import type { SelectedSuite } from "./select.ts";
import { suiteStatus, summarise } from "./status.ts";
import { type StandingWaiver, waive } from "./waivers.ts";

/** What turns verdicts into rows of a report. */
export interface Collecting {
  project: Project;
  waivers: readonly StandingWaiver[];
  durations: Durations;
}

/** A suite's part of the report: waivers applied, secrets taken out, counted. */
export function collectSuite({ suite }: SelectedSuite, judged: readonly Judged[], collecting: Collecting): SuiteReport {
  const checks = judged.map((one) => collectCheck(one, collecting));
  const leftOut = suite.checks.length - judged.length;
  const notJudged = leftOut + judged.filter((one) => one.notJudged).length;
  return {
    id: suite.id,
    title: suite.title,
    status: suiteStatus(checks, notJudged),
    summary: summarise(checks),
    notJudged,
    total: suite.checks.length,
    checks,
  };
}

function collectCheck(judged: Judged, { project, waivers, durations }: Collecting): CheckReport {
  const { check, judgement } = judged;
  const redact = (text: string) => project.secrets.redact(text);
  const waiver = waive(judged, waivers);
  const finding = judgement.verdict === "warn" || judgement.verdict === "fail";
  return {
    id: check.id,
    key: check.key,
    verdict: waiver ? "warn" : judgement.verdict,
    unknown: judgement.unknown,
    message: redact(judgement.message),
    evidence: judged.evidence.map((evidence) => ({
      level: evidence.level,
      source: redact(evidence.source),
      fact: redact(evidence.fact),
      at: evidence.at,
      data: redactData(evidence.data ?? {}, redact) as Record<string, unknown>,
    })),
    remedy: finding ? redact(remedyOf(judged)) : null,
    waiver,
    durationMs: Math.round(gatheringTime(judged, durations)),
    location: judged.location ? shownFrom(project, judged.location) : project.where(check.section),
  };
}

/** A place as the configuration's own are shown: from where the command was started. Gatherers name files as clawproof.yaml does. */
function shownFrom({ shownFile }: Project, location: Location): Location {
  if (location.file === shownFile || isAbsolute(location.file)) return location;
  return { ...location, file: join(dirname(shownFile), location.file) };
}

/** The remedy of what could not be checked is not the check's: nobody knows whether that is needed. */
function remedyOf({ check, judgement }: Judged): string {
  if (judgement.remedy !== undefined) return judgement.remedy;
  return judgement.unknown ? "remove what stood in the way, then audit again" : check.fix;
}

function gatheringTime({ check }: Judged, durations: Durations): number {
  return (Object.keys(check.needs) as FactName[]).reduce((sum, name) => sum + (durations[name] ?? 0), 0);
}

/** The doors redact already; this is the last gate before anything is printed. */
function redactData(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redactData(item, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactData(item, redact)]));
}

/** Waivers whose day is over, with their places. */
export function expiredWaivers(project: Project, waivers: readonly StandingWaiver[]): ExpiredWaiver[] {
  return waivers
    .filter(({ expired }) => expired)
    .map(({ waiver, index }) => ({ ...waiver, location: project.where(["waivers", index]) }));
}
