import type { Gathering } from "../../evidence/gathering.ts";
import { lives, signalSame } from "../../doors/process-info.mjs";
import type { Acting } from "../../rehearsal/acting-file.ts";
import type { Limits } from "../../rehearsal/limits.ts";
import { pause } from "../../rehearsal/pause.ts";
import { fillingOf } from "../../rehearsal/switch-order.ts";
import { bringUp, restartOf } from "./restart.ts";
import { openTarget, whyFrozen } from "./target.ts";

/** What a drill left frozen or killed whose guardian died as well: for the next run, before anything else is put back. */

const GUARDIAN_MS = 40_000;

/** Thaws the process of a note, if it is still the same; needs no configuration. */
export function thawNoted({ fault }: Acting): void {
  if (fault?.did === "frozen" && fault.process !== null) signalSame(fault.process, "SIGCONT");
}

/** Undoes a noted fault; why it could not, or null. Obeys no interrupt. */
export async function undoNoted(left: Acting, { project, clock }: Gathering, limits: Limits): Promise<string | null> {
  const { fault, scope, mark, activator } = left;
  if (!fault) return null;
  const deadline = clock.monotonic() + GUARDIAN_MS;
  // Two that start the agent would be in each other's way.
  while (lives(fault.guardian) && clock.monotonic() < deadline) await pause(limits.look);
  const filling = fillingOf({ project, scope, mark, activator }, "put back");
  const parts = { project, filling, clock, limits };
  if (fault.did === "killed") {
    const restart = restartOf(project);
    return typeof restart === "object" && "why" in restart ? restart.why : bringUp(restart, parts);
  }
  if (fault.process !== null) return thawed(left);
  const target = await openTarget(fault.target, parts);
  if ("why" in target) return target.why;
  return whyFrozen(target);
}

function thawed(left: Acting): null {
  thawNoted(left);
  return null;
}
