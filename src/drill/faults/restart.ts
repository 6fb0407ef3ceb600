import type { CommandCall } from "../../config/call.ts";
import type { Project } from "../../config/project.ts";
import type { PlaceholderValues } from "../../config/template.ts";
import type { Limits } from "../../rehearsal/limits.ts";
import { pause } from "../../rehearsal/pause.ts";
import { sendProbe } from "../../rehearsal/probe.ts";
import { sendUntilTaken } from "../../rehearsal/put-back.ts";
import type { Clock } from "../../values/clock.ts";

/** What starts the agent again once it was killed. */
export type Restart = "supervisor" | CommandCall;

/** `why` where nothing does, or nothing that still works when we have died. */
export function restartOf({ config }: Project): Restart | { why: string } {
  const given = config.drills?.faults?.agent?.restart;
  if (given !== undefined) return given;
  const { restart } = config.killSwitch ?? {};
  const say = "say how it is started again: drills.faults.agent.restart, a command or `supervisor`";
  if (!restart) return { why: `nothing would start the agent again; ${say}` };
  return "command" in restart
    ? restart
    : { why: `killSwitch.restart is a request, which no guardian can make; ${say}` };
}

export interface BringingUp {
  project: Project;
  filling: PlaceholderValues;
  clock: Clock;
  limits: Limits;
}

/** Starts the agent again where it does not answer, and waits until it does, whatever it says; why it does not, or null. */
export async function bringUp(
  restart: Restart,
  { project, filling, clock, limits }: BringingUp,
): Promise<string | null> {
  const write = project.config.agent.probes?.write;
  const answers = async (): Promise<boolean> =>
    write !== undefined && (await sendProbe(write, project, filling)).heard.kind !== "neither";
  if (await answers()) return null;
  if (restart !== "supervisor") {
    const failed = await sendUntilTaken(restart, project, filling, { clock, limits });
    if (failed !== null) return `the restart failed: ${failed}`;
  }
  const deadline = clock.monotonic() + limits.back;
  while (write !== undefined && clock.monotonic() < deadline) {
    if (await answers()) return null;
    await pause(limits.look);
  }
  return write === undefined ? null : `the agent did not come up again within ${limits.back / 1_000} s`;
}
