import { whatFailed } from "../../checks/05-rollback-kill-switches/drilled.ts";
import { newsId } from "../alerts/news.ts";
import { routeTestLine, testRoutes, type RouteTest } from "../alerts/test-routes.ts";
import { policyFrom } from "../audit/policy.ts";
import type { ExitCode } from "../audit/report.ts";
import type { Project } from "../config/project.ts";
import { contextOf } from "../doors/context.ts";
import { calendarText } from "../drill/calendar.ts";
import { type Due, type DueLimits, dueOf } from "../drill/due.ts";
import { readStanding } from "../drill/read-standing.ts";
import { StoreFailed } from "../drill/store.ts";
import { Interrupted } from "../evidence/gathering.ts";
import { printable } from "../report/printable.ts";
import { sha256 } from "../values/hash-chain.ts";
import { activatorOf } from "./activator.ts";
import { type ProjectFlags, toldProject } from "./told-project.ts";
import { parseFormat } from "./formats.ts";
import { checkWritable, writeWhole } from "./output-files.ts";
import { drillCommand, remindLines } from "./remind-lines.ts";
import type { Surroundings } from "./surroundings.ts";
import { durationOf } from "./switch-flags.ts";
import { jsonLine } from "./switch-run.ts";
import { UsageError } from "./usage-error.ts";

export interface RemindFlags extends ProjectFlags {
  format: string;
  within: string;
  notify?: boolean;
  ics?: string;
}

const DAY_MS = 86_400_000;

/**
 * `clawproof remind`: 0 the newest drill counts and the next is not due within the time, 1 it is due or overdue, 3 the
 * drills could not be read. Throws UsageError, InvalidConfig, Interrupted.
 */
export async function remind(flags: RemindFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = parseFormat(flags.format);
  const withinMs = durationOf("--within", flags.within);
  const { stdout, stderr, cwd, clock } = surroundings;
  if (flags.ics !== undefined) await checkWritable([{ file: flags.ics }], cwd, "--ics");
  const project = await toldProject(flags, surroundings);
  if (flags.notify === true) mustHaveRoutes(project);
  const now = clock.now();
  const read = await readDue(project, { now, withinMs }, surroundings);
  if ("why" in read) {
    stderr.write(`clawproof: the drills could not be read: ${printable(read.why)}\n`);
    if (format === "json") stdout.write(jsonLine({ error: read.why, exitCode: 3 }));
    return 3;
  }
  const { due, nothing } = read;
  const lines = remindLines(due, { project, config: flags.config, now, nothing });
  if (flags.ics !== undefined)
    await writeWhole(flags.ics, cwd, calendarOf(due, { project, config: flags.config, now, withinMs }), "--ics");
  const told = flags.notify === true && due.state !== "fresh" ? await tell(lines, project, surroundings) : null;
  const exitCode = due.state === "fresh" ? 0 : 1;
  stdout.write(
    format === "json"
      ? jsonLine({ ...factsOf(due, project), words: lines, told, exitCode })
      : [...lines, ...toldLines(flags, told)].map((line) => `${printable(line)}\n`).join(""),
  );
  return exitCode;
}

async function readDue(
  project: Project,
  { now, withinMs }: { now: number; withinMs: number },
  { clock, signal, env }: Surroundings,
): Promise<{ due: Due; nothing: string | null } | { why: string }> {
  const policy = policyFrom(project.config.policy, project.config.drills);
  const limits = {
    now,
    withinMs,
    everyMs: policy.drillEveryMs,
    whatFailed: ({ line }) => whatFailed(line, policy),
  } satisfies DueLimits;
  try {
    const standing = await readStanding({ project, clock, signal, activator: activatorOf(undefined, env) });
    const nothing = standing.drills.length > 0 ? null : `${standing.source} holds none of this agent's, here`;
    return { due: dueOf(standing, limits), nothing };
  } catch (error) {
    if (!(error instanceof StoreFailed)) throw error;
    if (error.state !== "absent") return { why: error.message };
    return { due: dueOf({ drills: [], brokenAt: null, unit: "line" }, limits), nothing: error.message };
  }
}

function mustHaveRoutes({ config, shownFile }: Project): void {
  if ((config.alerting?.routes ?? []).length > 0) return;
  throw new UsageError(
    `--notify has nobody to tell: ${shownFile} has no alerting.routes (alerting: { routes: [{ slack: "\${SLACK_WEBHOOK_URL}" }] })`,
  );
}

/** Marked as a drill, so that it pages nobody: a change event, or a message that begins with [DRILL]. */
async function tell(lines: readonly string[], project: Project, surroundings: Surroundings): Promise<RouteTest[]> {
  const { env, clock, signal } = surroundings;
  const { agent, alerting } = project.config;
  const news = {
    id: newsId(),
    kind: "reminder",
    drill: true,
    switchName: agent.name,
    series: "",
    epoch: null,
    scope: agent.name,
    mode: null,
    by: activatorOf(undefined, env),
    reason: lines.join(" "),
    at: new Date(clock.now()).toISOString(),
    link: null,
  } as const;
  const told = await testRoutes(alerting?.routes ?? [], contextOf(project, {}, { signal }), news, clock);
  // What was cut short neither failed nor arrived.
  if (signal.aborted) throw new Interrupted("interrupted");
  return told;
}

function toldLines({ notify }: RemindFlags, told: RouteTest[] | null): string[] {
  if (told !== null) return told.map((one) => `told ${routeTestLine(one)}`);
  return notify === true ? ["not due: nobody was told"] : [];
}

function factsOf({ state, last, lastCounting, dueAt }: Due, { config, environment }: Project): object {
  return {
    agent: config.agent.name,
    environment,
    state,
    dueAt: new Date(dueAt).toISOString(),
    last:
      last === null
        ? null
        : {
            mark: last.drill.line.mark,
            endedAt: last.drill.line.endedAt,
            counts: last.counts === true,
            why: last.counts === true ? null : last.counts.why,
            proof: last.drill.proof,
          },
    lastCounting: lastCounting === null ? null : { mark: lastCounting.line.mark, endedAt: lastCounting.line.endedAt },
  };
}

function calendarOf(
  { last, dueAt }: Due,
  { project, config, now, withinMs }: { project: Project; config: string | undefined; now: number; withinMs: number },
): string {
  const { environment } = project;
  const { name } = project.config.agent;
  const who = environment === null ? name : `${name} in ${environment}`;
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  // Not when it was written: the same drills give the same file.
  const stamp = last === null ? today : Date.parse(last.drill.line.endedAt);
  const why = last === null ? "there is none yet" : last.counts === true ? null : last.counts.why;
  const isDueNow = why !== null;
  return calendarText({
    uid: `drill-${sha256(JSON.stringify([name, environment])).slice(0, 32)}@clawproof`,
    stamp: isDueNow ? Math.max(stamp, today) : stamp,
    day: isDueNow ? today : dueAt,
    summary: `Kill switch drill of ${who}`,
    description: `${isDueNow ? `It is due now: ${why}` : "It is due by then"}. Hold it with: ${drillCommand(project, config)}`,
    remindDays: Math.max(1, Math.round(withinMs / DAY_MS)),
  });
}
