import type { CommandCall } from "../../config/call.ts";
import type { Project } from "../../config/project.ts";
import { fill, type PlaceholderValues } from "../../config/template.ts";
import { hostOf, isLoopback, isThisMachine, resolveHost } from "../../doors/address.ts";
import { prepareCommand } from "../../doors/command.ts";
import { contextOf } from "../../doors/context.ts";
import type { GuardianCommand } from "../../doors/guardian.ts";
import { lives, type ProcessId, signalSame } from "../../doors/process-info.mjs";
import type { Clock } from "../../values/clock.ts";
import { sendUntilTaken } from "../../rehearsal/put-back.ts";
import type { Limits } from "../../rehearsal/limits.ts";
import { callsOf } from "../../rehearsal/switch-order.ts";
import { processOf } from "./pid-file.ts";

/** What a fault is done to: a process that a pid file names, or whatever a team's commands reach. */

export type TargetName = "agent" | "switch";

/** The fault could not be made, or not be undone; the message is for a person. */
export class FaultFailed extends Error {
  override name = "FaultFailed";
}

export interface Target {
  name: TargetName;
  /** Null where commands do it. */
  process: ProcessId | null;
  /** Each throws FaultFailed. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  kill(): Promise<void>;
  /** Whether it is known to be gone; null where nothing tells. */
  isGone(): boolean | null;
  /** What a guardian does to thaw it. */
  guarding(): Promise<{ frozen: ProcessId[]; thaw: GuardianCommand | null }>;
}

/** Thaws it; why it is frozen still, or null. */
export async function whyFrozen(target: Target): Promise<string | null> {
  try {
    await target.thaw();
    return null;
  } catch (error) {
    if (error instanceof FaultFailed) return error.message;
    throw error;
  }
}

export interface TargetParts {
  project: Project;
  filling: PlaceholderValues;
  clock: Clock;
  limits: Limits;
}

/** `why`: there is no consent, or nothing that could be frozen or killed. */
export async function openTarget(name: TargetName, parts: TargetParts): Promise<Target | { why: string }> {
  const { project } = parts;
  const fault = project.config.drills?.faults?.[name];
  if (!fault) return { why: `drills.faults.${name} is not configured` };
  if (!("pidFile" in fault)) return commandTarget(name, fault, parts);
  const away = await whyAway(name, project);
  if (away !== null) return { why: `${fault.pidFile} names a process of this machine, and ${away}` };
  const process = await processOf(fault.pidFile, project.directory);
  return "why" in process ? process : processTarget(name, process);
}

function processTarget(name: TargetName, process: ProcessId): Target {
  const signal = (which: NodeJS.Signals): void => {
    if (!signalSame(process, which)) throw new FaultFailed(`the ${name}'s process (pid ${process.pid}) is gone`);
  };
  return {
    name,
    process,
    freeze: async () => signal("SIGSTOP"),
    // One that has ended meanwhile is not frozen.
    thaw: async () => void signalSame(process, "SIGCONT"),
    kill: async () => signal("SIGKILL"),
    isGone: () => !lives(process),
    guarding: async () => ({ frozen: [process], thaw: null }),
  };
}

interface Commands {
  freeze?: CommandCall | undefined;
  thaw?: CommandCall | undefined;
  kill?: CommandCall | undefined;
}

function commandTarget(name: TargetName, commands: Commands, { project, filling, clock, limits }: TargetParts): Target {
  const run = (key: keyof Commands) => async (): Promise<void> => {
    const call = commands[key];
    const why = call ? await sendUntilTaken(call, project, filling, { clock, limits }) : "it is not configured";
    if (why !== null) throw new FaultFailed(`drills.faults.${name}.${key}: ${why}`);
  };
  return {
    name,
    process: null,
    freeze: run("freeze"),
    thaw: run("thaw"),
    kill: run("kill"),
    isGone: () => null,
    guarding: async () => ({
      frozen: [],
      thaw: commands.thaw ? await guardianCommand(commands.thaw, project, filling) : null,
    }),
  };
}

/** A command with everything filled in, for a guardian that knows no settings. Throws CallFailed. */
export async function guardianCommand(
  call: CommandCall,
  project: Project,
  filling: PlaceholderValues,
): Promise<GuardianCommand> {
  const context = contextOf(project, filling);
  const { argv, stdin } = await prepareCommand(call, context);
  const env = Object.entries(project.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { argv, stdin, directory: project.directory, env: Object.fromEntries(env) };
}

/** A pid says nothing of other machines: where the target answers elsewhere, somebody else's process would be frozen. */
async function whyAway(name: TargetName, project: Project): Promise<string | null> {
  const { agent, killSwitch } = project.config;
  const status = killSwitch && callsOf(killSwitch).status;
  const url = name === "agent" ? agent.url : status && "url" in status ? status.url : undefined;
  if (url === undefined) return null;
  const host = hostOf(await fill(url, contextOf(project, { scope: "*" }), "url"));
  if (host === null || isLoopback(host)) return null;
  const found = await resolveHost(host);
  if ("why" in found) return found.why;
  return found.addresses.every(isThisMachine) ? null : `the ${name} is at ${host}`;
}
