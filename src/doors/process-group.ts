import { setTimeout as after } from "node:timers/promises";
import { errorCode } from "./words.ts";

const GRACE_MS = 1_000;
const LOOK_EVERY_MS = 20;

/** Ends a process group whose leader is `pid`, children that outlived it included: asks first, and after a second insists. */
export async function endGroup(pid: number): Promise<void> {
  if (!signalGroup(pid, "SIGTERM")) return;
  for (let waited = 0; waited < GRACE_MS; waited += LOOK_EVERY_MS) {
    await after(LOOK_EVERY_MS);
    if (!signalGroup(pid, 0)) return;
  }
  signalGroup(pid, "SIGKILL");
}

/** Whether somebody was there to be signalled. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: all have ended. EPERM (macOS): what is left is a zombie or another user's, and not ours to end.
    if (["ESRCH", "EPERM"].includes(errorCode(error))) return false;
    throw error;
  }
}
