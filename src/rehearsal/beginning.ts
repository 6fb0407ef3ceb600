import { CallFailed } from "../doors/door.ts";
import { LogUnread } from "../evidence/switch-log.ts";
import { stopIfInterrupted } from "./prober.ts";
import { isStopped, type Order, readEntries, snapshotOf } from "./switch-order.ts";

/** Step 0 of whatever pulls the switch (contract, 2.4). */

/**
 * The switch says running, and what its log holds so far on the scope, as digests (null where there is no log); or why
 * nothing may begin. Throws Interrupted.
 */
export async function beginning(
  order: Order,
  signal: AbortSignal,
): Promise<{ before: string[] | null } | { why: string }> {
  try {
    if (await isStopped(order, signal)) return { why: `somebody's order is in force on ${order.scope}` };
    const entries = await readEntries(order, signal);
    return { before: entries && snapshotOf(order, entries) };
  } catch (error) {
    stopIfInterrupted(signal);
    if (error instanceof CallFailed)
      return { why: `the switch does not say whether ${order.scope} is running: its status ${error.why}` };
    if (!(error instanceof LogUnread)) throw error;
    if (order.killSwitch.rehearse?.exclusive === true) return { before: [] };
    return { why: `the switch's log cannot be read: ${error.why}` };
  }
}
