import { absent, failed, type Missing } from "../../audit/fact.ts";
import type { Project } from "../../config/project.ts";
import { contextOf } from "../../doors/context.ts";
import { whyUnready } from "../../doors/ready.ts";
import type { Gathering } from "../../evidence/gathering.ts";
import { type KillSwitchPlan, planKillSwitch } from "../../rehearsal/consent.ts";
import { LIMITS } from "../../rehearsal/limits.ts";
import { newMark } from "../../rehearsal/mark.ts";
import { fillingOf } from "../../rehearsal/switch-order.ts";
import { FAULTS, type FaultName } from "./names.ts";
import { type Restart, restartOf } from "./restart.ts";
import { openTarget, type TargetName } from "./target.ts";

/** Whether faults may be made at all: consent, a target, and what undoes them (contract, section 7). */

export interface PlannedFault {
  fault: FaultName;
  target: TargetName;
  pull: KillSwitchPlan;
  /** Of agent-killed alone. */
  restart: Restart | null;
}

/** In the order of FAULTS, each once. Looks at the processes, and touches none. */
export async function planFaults(
  gathering: Gathering,
  names: readonly FaultName[],
): Promise<{ faults: PlannedFault[] } | Missing> {
  const pull = await planKillSwitch(gathering);
  if ("state" in pull) return pull;
  const faults: PlannedFault[] = [];
  for (const fault of FAULTS.filter((one) => names.includes(one))) {
    const planned = await planOne(fault, pull, gathering);
    if ("state" in planned) return planned;
    faults.push(planned);
  }
  return { faults };
}

async function planOne(fault: FaultName, pull: KillSwitchPlan, gathering: Gathering): Promise<PlannedFault | Missing> {
  const { project, clock, activator } = gathering;
  const target: TargetName = fault.startsWith("agent-") ? "agent" : "switch";
  const place = project.where(["drills", "faults", target]);
  const consent = project.config.drills?.faults?.[target];
  if (!consent) return absent(`${fault}: ${noConsent(project, target)}`, place);
  const kills = fault === "agent-killed";
  const missing = "pidFile" in consent ? undefined : kills ? !consent.kill && "kill" : !consent.freeze && "freeze";
  if (missing) return absent(`${fault}: drills.faults.${target}.${missing} is not configured`, place);
  const restart = kills ? restartOf(project) : null;
  if (restart !== null && typeof restart === "object" && "why" in restart)
    return absent(`${fault}: ${restart.why}`, place);
  const filling = fillingOf({ project, scope: pull.scope, mark: newMark(), activator }, "fault");
  const undone = "pidFile" in consent ? {} : { thaw: consent.thaw };
  const undoing = { ...undone, restart: restart === "supervisor" ? null : restart };
  for (const [key, call] of Object.entries(undoing)) {
    const unready = call ? await whyUnready(call, contextOf(project, filling)) : null;
    if (unready) return failed(`${fault}: drills.faults.${target}.${key} cannot be made: ${unready.why}`, place);
  }
  const opened = await openTarget(target, { project, filling, clock, limits: LIMITS });
  if ("why" in opened) return failed(`${fault}: ${opened.why}`, place);
  return { fault, target, pull, restart };
}

/** Consent is never inherited: with --env it must stand in the environment's own block. */
function noConsent({ environment }: Project, target: TargetName): string {
  const key = `drills.faults.${target}`;
  return environment === null ? `${key} is not configured` : `${key} does not stand under environments.${environment}`;
}
