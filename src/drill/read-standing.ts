import type { Project } from "../config/project.ts";
import type { SwitchLogEntry } from "../evidence/facts.ts";
import { Interrupted } from "../evidence/gathering.ts";
import type { Clock } from "../values/clock.ts";
import { verifySignature } from "./attest.ts";
import type { DrillLine } from "./line.ts";
import type { DrillStanding, StandingDrill } from "./standing.ts";
import { type ReadKeys, readKeys } from "./read-keys.ts";
import { type KeptDrills, readDrillLines } from "./store.ts";
import { releasedAt, type Unaccounted, unaccountedFor, verifyAgainstSwitchLog } from "./verify.ts";

export interface Standing {
  project: Project;
  clock: Clock;
  signal: AbortSignal;
  /** Who asks the switch: `--by`, else the CI's actor, else user@host. */
  activator: string;
  /** Opens no connection and runs no command. */
  offline?: boolean;
  /** Follows the whole chain of the store, at a switch too. */
  whole?: boolean;
}

/** A line that counts here, and its number in the store. */
type Counting = Pick<StandingDrill, "line" | "lineNumber">;

/** The lines of this agent in this environment, held against nothing but their own chain. */
export interface CountingDrills extends Pick<KeptDrills, "brokenAt" | "source" | "unit" | "location"> {
  /** Each drill once. */
  counting: Counting[];
  ignored: DrillStanding["ignored"];
  /** Lines that may account for a drill in the switch's log, others' too: all but those whose times cannot be. */
  accounting: DrillLine[];
}

/** Throws StoreFailed, Interrupted. */
export async function readCounting(asking: Omit<Standing, "activator">): Promise<CountingDrills> {
  const { project, clock, signal, offline = false, whole = false } = asking;
  const kept = await readDrillLines(project, { signal, offline, whole });
  if (signal.aborted) throw new Interrupted("interrupted");
  const { counting, ignored, accounting } = sortedOut(kept, project, clock.now());
  const { brokenAt, source, unit, location } = kept;
  return {
    counting,
    ignored: [
      ...ignored,
      // The first break is named by itself.
      ...kept.refused.filter(({ lineNumber }) => lineNumber !== brokenAt?.lineNumber),
    ].sort((a, b) => a.lineNumber - b.lineNumber),
    accounting,
    brokenAt,
    source,
    unit,
    location,
  };
}

/**
 * What is known of this agent's drills in this environment, each held against the switch's own log or the keys that may
 * sign. Throws StoreFailed, Interrupted.
 */
export async function readStanding(asking: Standing): Promise<DrillStanding & Pick<KeptDrills, "location">> {
  const { project, signal, offline = false } = asking;
  const { counting, accounting, ...rest } = await readCounting(asking);
  const scopes = new Set(counting.map(({ line }) => line.scope));
  const scopeNow = project.config.killSwitch?.rehearse?.scope;
  // Where drills are held by now is asked about as well: the lines from there may be the ones that were removed.
  if (counting.length > 0 && scopeNow !== undefined) scopes.add(scopeNow);
  const logs = await askSwitch(scopes, asking);
  const keys = await readKeys(project, { signal, offline });
  const entries = [...logs.values()].flatMap((log) => ("why" in log ? [] : log.entries));
  const unaccounted = unaccountedFor(accounting, entries, scopes);
  const drills = counting.map((one) => ({ ...one, ...believed(one.line, logs, keys) }));
  return { ...rest, drills: drills.map((drill) => doubted(drill, drills, unaccounted, entries)), unaccounted };
}

function sortedOut(
  { lines, unit }: KeptDrills,
  project: Project,
  now: number,
): Pick<CountingDrills, "counting" | "ignored" | "accounting"> {
  const out: ReturnType<typeof sortedOut> = { counting: [], ignored: [], accounting: [] };
  const seen = new Map<string, number>();
  for (const { lineNumber, line } of lines) {
    if (whyUntimely(line, now) === null) out.accounting.push(line);
    const why = whyIgnored(line, project, now) ?? whyAgain(line, seen, unit);
    if (why === null) out.counting.push({ lineNumber, line });
    else out.ignored.push({ lineNumber, why });
    if (!seen.has(line.digest)) seen.set(line.digest, lineNumber);
  }
  return out;
}

type Dated = Pick<DrillLine, "startedAt" | "endedAt">;

/** Why a line does not count here; null where it does. */
export function whyIgnored(
  line: Dated & Pick<DrillLine, "agent" | "environment">,
  { config, environment }: Project,
  now: number,
): string | null {
  if (line.agent !== config.agent.name) return `a drill of another agent (${line.agent})`;
  if (line.environment !== environment) return `a drill in ${environmentText(line.environment)}`;
  return whyUntimely(line, now);
}

/** Times come from the line, never from a file's date. */
function whyUntimely(line: Dated, now: number): string | null {
  if (Date.parse(line.endedAt) < Date.parse(line.startedAt)) return "it ended before it began";
  return Date.parse(line.endedAt) > now ? `a time in the future (${line.endedAt})` : null;
}

function whyAgain({ digest }: DrillLine, seen: ReadonlyMap<string, number>, unit: string): string | null {
  const first = seen.get(digest);
  return first === undefined ? null : `the drill of ${unit} ${first} once more`;
}

function environmentText(environment: string | null): string {
  return environment === null ? "no environment" : `environment ${environment}`;
}

type Believed = Pick<StandingDrill, "verifiable" | "proof">;

function believed(line: DrillLine, logs: SwitchLogs, keys: ReadKeys): Believed {
  const signed = keys.keys.length === 0 ? "unsigned" : verifySignature(line, keys.keys);
  // A signature that is wrong is no accident: no other proof makes up for it.
  if (signed !== "unsigned" && "why" in signed) return { verifiable: signed, proof: null };
  if (signed !== "unsigned") return { verifiable: true, proof: `signed by ${signed.by.shown}` };
  const held = heldAgainst(line, logs);
  if (held === true) return { verifiable: true, proof: "held against the switch's log" };
  const unread = keys.problems.length === 0 ? "" : `; ${keys.problems.join("; ")}`;
  const unsigned = keys.keys.length === 0 ? "" : "; it is not signed";
  return { verifiable: { why: `${held.why}${unsigned}${unread}` }, proof: null };
}

function heldAgainst(line: DrillLine, logs: SwitchLogs): true | { why: string } {
  const log = logs.get(line.scope) ?? { why: "the switch's log was not read" };
  return "why" in log ? log : verifyAgainstSwitchLog(line, log.entries);
}

/**
 * The newest line vouches for nothing where the switch knows of a later drill: that one's line may have been cut off.
 * Newest is which began last, because the digest covers when, and the switch itself says when it was over.
 */
function doubted(
  drill: StandingDrill,
  all: readonly StandingDrill[],
  unaccounted: readonly Unaccounted[],
  entries: readonly SwitchLogEntry[],
): StandingDrill {
  const last = unaccounted.at(-1);
  if (drill.verifiable !== true || last === undefined) return drill;
  const began = Date.parse(drill.line.startedAt);
  if (all.some(({ line }) => Date.parse(line.startedAt) > began)) return drill;
  if (last.at <= (releasedAt(drill.line, entries) ?? began)) return drill;
  const why = `the switch's log has a later drill, of ${new Date(last.at).toISOString()}, that no line accounts for`;
  return { ...drill, verifiable: { why }, proof: null };
}

type SwitchLogs = Map<string, { entries: SwitchLogEntry[] } | { why: string }>;

/** The switch's own log, or why no line can be held against it. A log may be asked for by scope, so it is read once for each. */
async function askSwitch(scopes: ReadonlySet<string>, asking: Standing): Promise<SwitchLogs> {
  const logs: SwitchLogs = new Map();
  for (const scope of scopes) logs.set(scope, await askAbout(scope, asking));
  return logs;
}

async function askAbout(
  scope: string,
  { project, offline, signal, activator }: Standing,
): Promise<{ entries: SwitchLogEntry[] } | { why: string }> {
  if (offline === true) return { why: "--offline does not ask for the switch's log" };
  if (!project.config.killSwitch) return { why: "no kill switch is configured" };
  const { LogUnread, logCallOf, readLog } = await import("../evidence/switch-log.ts");
  const call = logCallOf(project);
  if (call === null) return { why: "killSwitch.log is not configured" };
  try {
    return { entries: await readLog(call, project, { scope, activator }, signal) };
  } catch (error) {
    if (signal.aborted) throw new Interrupted("interrupted");
    if (error instanceof LogUnread) return { why: `the switch's log could not be read: ${error.why}` };
    throw error;
  }
}
