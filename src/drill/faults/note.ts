import type { CommandCall } from "../../config/call.ts";
import type { Guardian, GuardianCharge } from "../../doors/guardian.ts";
import type { Gathering } from "../../evidence/gathering.ts";
import type { ActingEntry } from "../../rehearsal/acting-file.ts";
import { commandLine } from "../../rehearsal/put-back.ts";
import { callsOf, fillingOf, type Order } from "../../rehearsal/switch-order.ts";
import { resolve } from "node:path";
import type { PlannedFault } from "./plan.ts";
import { guardianCommand, type Target } from "./target.ts";

/** What is said beforehand of a fault: to its guardian, and in acting.json. */

export interface Noted {
  planned: PlannedFault;
  target: Target;
  order: Order;
}

/** What the guardian is to do should we die. Throws CallFailed. */
export async function chargeOf({
  planned,
  target,
  order,
  limitMs,
}: Noted & { limitMs: number }): Promise<GuardianCharge> {
  const { project } = order;
  const filling = fillingOf(order, "put back");
  if (planned.fault !== "agent-killed") return { limitMs, ...(await target.guarding()), restart: null };
  const fault = project.config.drills?.faults?.agent;
  const pidFile = fault && "pidFile" in fault ? resolve(project.directory, fault.pidFile) : null;
  const { restart } = planned;
  const command =
    restart === null || restart === "supervisor" ? null : await guardianCommand(restart, project, filling);
  return { limitMs, frozen: [], thaw: null, restart: command && { command, killed: target.process, pidFile } };
}

/** The note for the next run, should the guardian die as well. */
export async function noteOf({
  planned,
  target,
  order,
  gathering,
  guardian,
  begin,
}: Noted & { gathering: Gathering; guardian: Guardian; begin: { before: string[] | null } }): Promise<ActingEntry> {
  const { project, scope, mark, activator, killSwitch } = order;
  const pulls = planned.fault !== "switch-down";
  const { release } = callsOf(killSwitch);
  const undo = await undoLine({ planned, target, order });
  const released = pulls && release ? await commandLine(release, project, fillingOf(order, "put back")) : "";
  return {
    what: pulls ? "kill-switch" : "fault",
    fault: {
      target: target.name,
      did: planned.fault === "agent-killed" ? "killed" : "frozen",
      process: target.process,
      guardian: guardian.id,
    },
    scope,
    mark,
    activator,
    trace: order.trace,
    environment: project.environment,
    config: project.sha256,
    at: new Date(gathering.clock.now()).toISOString(),
    putBack: [undo, released].filter((line) => line !== "").join(" && "),
    logBefore: begin.before,
  };
}

/** How a person undoes the fault: a line for a shell; empty where there is none. */
export async function undoLine({ planned, target, order }: Noted): Promise<string> {
  const { project } = order;
  const line = (call: CommandCall | undefined): Promise<string> | string =>
    call ? commandLine(call, project, fillingOf(order, "put back")) : "";
  if (planned.fault === "agent-killed") {
    return planned.restart === null || planned.restart === "supervisor" ? "" : line(planned.restart);
  }
  if (target.process !== null) return `kill -CONT ${target.process.pid}`;
  const fault = project.config.drills?.faults?.[target.name];
  return line(fault && "thaw" in fault ? fault.thaw : undefined);
}
