import type { Project } from "../config/project.ts";
import type { Due } from "../drill/due.ts";
import type { StandingDrill } from "../drill/standing.ts";
import { seconds } from "../drill/trend.ts";

const DAY_MS = 86_400_000;

export interface RemindContext {
  project: Project;
  now: number;
  /** Why there is no drill; null where there is one. */
  nothing: string | null;
}

/** What a person reads: when the last drill was, whether it counts, when the next one is due. */
export function remindLines(due: Due, { project, now, nothing }: RemindContext): string[] {
  const { last, lastCounting, dueAt, state } = due;
  const command = drillCommand(project);
  if (last === null) return [`no drill yet: ${nothing ?? "there is no line"}`, `the first one is due now: ${command}`];
  const named = `last drill ${ago(last.drill, now)}`;
  if (last.counts !== true) {
    return [
      `${named} does not count: ${last.counts.why}`,
      ...(lastCounting === null ? [] : [`the last one that counts was ${ago(lastCounting, now)}`]),
      `the next one is due now: ${command}`,
    ];
  }
  const day = new Date(dueAt).toISOString().slice(0, 10);
  return [
    `${named} held: ${whatItShowed(last.drill)}`,
    state === "overdue"
      ? `OVERDUE since ${day} (${daysText(now - dueAt)}): ${command}`
      : `next drill due ${day}, in ${daysText(dueAt - now)}${state === "due" ? `: ${command}` : ""}`,
  ];
}

/** What a person types to hold one. */
export function drillCommand({ environment }: Project): string {
  return environment === null ? "clawproof drill" : `clawproof drill --env ${environment}`;
}

function ago({ line }: StandingDrill, now: number): string {
  const days = Math.floor((now - Date.parse(line.endedAt)) / DAY_MS);
  const when = days === 0 ? "today" : `${daysText(days * DAY_MS)} ago`;
  return `${when} (${line.mark}, ended ${line.endedAt})`;
}

function whatItShowed({ line, proof }: StandingDrill): string {
  const undone = line.undone.filter(({ equal }) => equal).length;
  const stopped = `stopped in ${seconds(line.stop.ms ?? 0)}, ${undone}/${line.undone.length} action types reversed`;
  return `${stopped}; ${proof ?? "not held against anything"}`;
}

function daysText(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  if (days === 0) return "less than a day";
  return `${days} day${days === 1 ? "" : "s"}`;
}
