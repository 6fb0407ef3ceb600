import type { Clock } from "../values/clock.ts";
import type { Limits } from "./limits.ts";
import { namedOutcome, type Probed } from "./probe.ts";
import { createProber } from "./prober.ts";

export type WritesAgain = { afterMs: number } | { why: string };

/**
 * Probes until writes are accepted again, a few in a row and by every instance that accepted before, within `limits.back`
 * of `since` (monotonic). Obeys no interrupt: it is what an interrupt waits for.
 */
export async function writesAgain(
  send: () => Promise<Probed>,
  since: number,
  clock: Clock,
  limits: Limits,
  instances: readonly string[] = [],
): Promise<WritesAgain> {
  const prober = createProber(send, { everyMs: limits.every, clock });
  const deadline = clock.monotonic() + limits.back;
  const accepting = new Set<string>();
  let firstAt = 0;
  let inARow = 0;
  let last = "no answer";
  while (clock.monotonic() < deadline) {
    const probed = await prober.next();
    if (probed.heard.kind !== "accepted") {
      inARow = 0;
      accepting.clear();
      last = namedOutcome(probed);
      continue;
    }
    if (inARow++ === 0) firstAt = probed.settledAt;
    if (probed.instance !== null) accepting.add(probed.instance);
    // A restart gives new names: as many as before will do.
    const all = accepting.size >= instances.length || inARow >= 20 * instances.length;
    if (inARow >= limits.backInARow && all) return { afterMs: firstAt - since };
  }
  return { why: `writes were not accepted again within ${limits.back / 1_000} s (${last})` };
}
