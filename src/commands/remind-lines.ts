import type { Project } from "../config/project.ts";
import type { Due } from "../drill/due.ts";
import type { StandingDrill } from "../drill/standing.ts";
import { seconds } from "../drill/trend.ts";
import { sameSwitch } from "./switch-words.ts";

const DAY_MS = 86_400_000;

export interface RemindContext {
  project: Project;
  /** `-c FILE`, as it was given. */
  config: string | undefined;
  now: number;
  /** Why there is no drill; null where there is one. */
  nothing: string | null;
}

/** What a person reads: when the last drill was, whether it counts, when the next one is due. */
export function remindLines(due: Due, { project, config, now, nothing }: RemindContext): string[] {
  const { last, lastCounting, dueAt, state } = due;
  const command = drillCommand(project, config);
  if (last === null) return [`no drill yet: ${nothing ?? "there is no line"}`, `the first one is due now: ${command}`];
  const named = `last drill ${ago(last.drill, now)}`;
  if (last.counts !== true) {
    return [
      `${named} does not count: ${last.counts.why}`,
      ...(lastCounting === null ? [] : [`the last one that counts was ${ago(lastCounting, now)}`]),
      `the next one is due now: ${command}`,
    ];
  }
  // To the minute, with its zone: where the day is another one by now, a drill on the day named would come too late.
  const when = `${new Date(dueAt).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return [
    `${named} held: ${whatItShowed(last.drill)}`,
    state === "overdue"
      ? `OVERDUE since ${when} (${daysText(now - dueAt)}): ${command}`
      : `next drill due ${when}, in ${daysText(dueAt - now)}${state === "due" ? `: ${command}` : ""}`,
  ];
}

/** What a person types to hold one: of this configuration, and no other that may lie where they stand. */
export function drillCommand({ environment }: Project, config: string | undefined): string {
  return `clawproof drill${sameSwitch({ config, env: environment ?? undefined })}`;
}

function ago({ line }: StandingDrill, now: number): string {
  return `${daysText(now - Date.parse(line.endedAt))} ago (${line.mark}, ended ${line.endedAt})`;
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
