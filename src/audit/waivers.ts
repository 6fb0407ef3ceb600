import type { ConfigPath } from "../config/project.ts";
import { nearest } from "../config/problems.ts";
import type { Config, Waiver } from "../config/schema.ts";
import type { Check, Suite } from "./check.ts";
import type { Judged } from "./judge.ts";
import type { WaiverNote } from "./report.ts";
import { ESSENTIAL } from "./status.ts";

type WaiverConfig = Pick<Config, "waivers">;

const DAY_MS = 86_400_000;
/** Long enough for a quarter's plan, short enough that nobody forgets what was accepted. */
const MAX_DAYS = 180;

/** A mistake in `waivers:`, for the loader to show at its place. */
export interface WaiverProblem {
  path: ConfigPath;
  message: string;
}

/** A waiver's state today: what it covers, or that its day is over. */
export interface StandingWaiver {
  waiver: Waiver;
  /** Position in `waivers:`. */
  index: number;
  expired: boolean;
}

/** Mistakes that make a waiver void from the start. One whose day is over is none: it is named, and ignored. */
export function waiverProblems({ waivers }: WaiverConfig, suites: readonly Suite[], now: number): WaiverProblem[] {
  const checks = suites.flatMap((suite) => suite.checks);
  return (waivers ?? []).flatMap((waiver, index) => [
    ...checkProblems(waiver, checks).map((message) => ({ path: ["waivers", index, "check"], message })),
    ...dayProblems(waiver, now).map((message) => ({ path: ["waivers", index, "until"], message })),
  ]);
}

function checkProblems({ check }: Waiver, checks: readonly Check[]): string[] {
  const known = checks.find(({ id, key }) => id === check || key === check);
  if (known === undefined) {
    const near = nearest(
      check,
      checks.flatMap(({ id, key }) => [key, id]),
    );
    const hint = near === undefined ? `known: ${checks.map(({ key }) => key).join(", ")}` : `did you mean ${near}?`;
    return [`unknown check \`${check}\`; ${hint}`];
  }
  if (!ESSENTIAL.has(known.id)) return [];
  return [`${known.id} ${known.key} cannot be waived: without it nobody can stop the agent`];
}

function dayProblems({ until }: Waiver, now: number): string[] {
  const start = dayStart(until);
  if (start === undefined) return [`${until} is not a day of the calendar`];
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const days = (start - today) / DAY_MS;
  return days > MAX_DAYS ? [`${until} is ${days} days away; a waiver lasts at most ${MAX_DAYS}`] : [];
}

/** Epoch milliseconds at which that day begins in UTC; undefined for 2026-02-30. */
function dayStart(day: string): number | undefined {
  const start = Date.parse(`${day}T00:00:00.000Z`);
  return Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day ? undefined : start;
}

/** Every waiver, with whether its day (UTC) is over. */
export function standingWaivers(waivers: readonly Waiver[] | undefined, now: number): StandingWaiver[] {
  return (waivers ?? []).map((waiver, index) => {
    const start = dayStart(waiver.until);
    return { waiver, index, expired: start === undefined || now >= start + DAY_MS };
  });
}

/**
 * What a waiver makes of a finding: a warn that no `--fail-on` counts, or null where none covers it. What could not
 * be checked is never covered: nobody knows what they would accept.
 */
export function waive(judged: Judged, waivers: readonly StandingWaiver[]): WaiverNote | null {
  const { check, judgement } = judged;
  if (judgement.unknown || ESSENTIAL.has(check.id)) return null;
  if (judgement.verdict !== "warn" && judgement.verdict !== "fail") return null;
  const covering = waivers
    .filter(({ waiver, expired }) => !expired && (waiver.check === check.id || waiver.check === check.key))
    .map(({ waiver }) => waiver)
    .sort((one, other) => other.until.localeCompare(one.until))[0];
  return covering ? { reason: covering.reason, owner: covering.owner, until: covering.until } : null;
}
