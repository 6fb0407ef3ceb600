import { absent, type Evidence, failed, found, type Missing, withheld } from "../audit/fact.ts";
import type { Project } from "../config/project.ts";
import { contextOf } from "../doors/context.ts";
import { readDrillLog } from "../drill/log.ts";
import type { DrillLine } from "../drill/line.ts";
import type { DrillStanding, StandingDrill } from "../drill/standing.ts";
import { verifyAgainstSwitchLog } from "../drill/verify.ts";
import type { SwitchLogEntry } from "./facts.ts";
import { type Gather, type Gathering, Interrupted } from "./gathering.ts";

/*
 * Not named here: orders on drill scopes that no line accounts for. A foreign switch's log has no epochs, and there the
 * rehearsals of audits leave marked orders too, which no line is ever written for.
 */

/** What the drill log says of this agent in this environment, each line held against the switch's own log. */
export const gatherDrills: Gather<"drills"> = async (gathering) => {
  const { project, clock } = gathering;
  const text = await readLog(gathering);
  if ("state" in text) return text;
  const log = readDrillLog(text.text);
  const sorted = log.lines.map(({ lineNumber, line }) => ({
    lineNumber,
    line,
    why: whyIgnored(line, project, clock.now()),
  }));
  const counting = sorted.flatMap(({ line, why }) => (why === null ? [line] : []));
  const { brokenAt } = log;
  const ignored = [
    ...sorted.flatMap(({ lineNumber, why }) => (why === null ? [] : [{ lineNumber, why }])),
    // The first break is named by itself.
    ...log.refused.filter(({ lineNumber }) => lineNumber !== brokenAt?.lineNumber),
  ].sort((a, b) => a.lineNumber - b.lineNumber);
  const standing: DrillStanding = {
    drills: await verifyAll(counting, gathering),
    ignored,
    brokenAt,
    source: text.shown,
  };
  return found(
    standing,
    standing.drills.map((drill) => evidenceOf(drill, standing)),
    project.where(["drills", "log"]),
  );
};

async function readLog({ project, mode, signal }: Gathering): Promise<{ text: string; shown: string } | Missing> {
  const { drills } = project.config;
  if (drills?.store !== undefined) {
    return failed("drills.store: switch comes with the kill switch service", project.where(["drills", "store"]));
  }
  if (drills?.log === undefined) return absent("drills.log is not configured", project.where(["drills"]));
  const place = project.where(["drills", "log"]);
  const { isOffline, readSource, SourceFailed } = await import("../doors/source.ts");
  if (mode === "offline" && !isOffline(drills.log)) return withheld("--offline opens no connection", place);
  try {
    return await readSource(drills.log, contextOf(project, {}, { signal }));
  } catch (error) {
    if (!(error instanceof SourceFailed)) throw error;
    // Nobody drilled yet: that is no mishap.
    if (error.why.endsWith(" does not exist")) return absent(`${error.why} yet`, place);
    return failed(error.why, place);
  }
}

/** Why a line does not count here; null where it does. Times come from the line, never from a file's date. */
function whyIgnored(line: DrillLine, { config, environment }: Project, now: number): string | null {
  if (line.agent !== config.agent.name) return `a drill of another agent (${line.agent})`;
  if (line.environment !== environment) return `a drill in ${environmentText(line.environment)}`;
  if (Date.parse(line.endedAt) < Date.parse(line.startedAt)) return "it ended before it began";
  return Date.parse(line.endedAt) > now ? `a time in the future (${line.endedAt})` : null;
}

function environmentText(environment: string | null): string {
  return environment === null ? "no environment" : `environment ${environment}`;
}

async function verifyAll(lines: readonly DrillLine[], gathering: Gathering): Promise<StandingDrill[]> {
  const logs = new Map<string, SwitchLog>();
  const standing: StandingDrill[] = [];
  for (const line of lines) {
    // A log may be asked for by scope, so it is read once for each.
    const log = logs.get(line.scope) ?? (await askSwitch(line.scope, gathering));
    logs.set(line.scope, log);
    standing.push({ line, verifiable: "why" in log ? log : verifyAgainstSwitchLog(line, log.entries) });
  }
  return standing;
}

type SwitchLog = { entries: SwitchLogEntry[] } | { why: string };

/** The switch's own log, or why no line can be held against it. */
async function askSwitch(scope: string, { project, mode, signal, activator }: Gathering): Promise<SwitchLog> {
  const { killSwitch, drills } = project.config;
  if (mode === "offline") return { why: "--offline does not ask for the switch's log" };
  if (!killSwitch) return { why: "no kill switch is configured" };
  const { LogUnread, logCallOf, readLog: readSwitchEntries } = await import("./switch-log.ts");
  const call = logCallOf(project);
  if (call === null) {
    return { why: drills?.keys ? "signatures are read by a later version" : "killSwitch.log is not configured" };
  }
  try {
    return { entries: await readSwitchEntries(call, project, { scope, activator }, signal) };
  } catch (error) {
    if (signal.aborted) throw new Interrupted("interrupted");
    if (error instanceof LogUnread) return { why: `the switch's log could not be read: ${error.why}` };
    throw error;
  }
}

function evidenceOf({ line, verifiable }: StandingDrill, { source, brokenAt }: DrillStanding): Evidence {
  const believed = verifiable === true && brokenAt === null;
  const doubt = verifiable === true ? "held against the switch's log" : `not verifiable: ${verifiable.why}`;
  const held = line.verdict.held ? "held" : "did not hold";
  return {
    level: believed ? "drilled" : "declared",
    source,
    fact: `drill ${line.mark} ${held}; ${doubt}`,
    at: line.endedAt,
  };
}
