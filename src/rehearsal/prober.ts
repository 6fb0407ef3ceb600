import { Interrupted } from "../evidence/gathering.ts";
import type { Clock } from "../values/clock.ts";
import { pause } from "./pause.ts";
import type { Probed } from "./probe.ts";

/** Probe writes in a row: starts `everyMs` apart or, where answers take longer, one after the other. */
export interface Prober {
  /** Waits until the next is due, sends it and waits for its answer. Throws Interrupted. */
  next(): Promise<Probed>;
}

export interface ProberOptions {
  everyMs: number;
  clock: Clock;
  /** Without one it obeys no interrupt: putting back does not. */
  signal?: AbortSignal | undefined;
}

export function createProber(send: () => Promise<Probed>, { everyMs, clock, signal }: ProberOptions): Prober {
  let due = clock.monotonic();
  return {
    async next() {
      await pause(due - clock.monotonic(), signal);
      stopIfInterrupted(signal);
      const probed = await send();
      stopIfInterrupted(signal);
      // From the planned start, so that small delays do not add up; after a long one nothing is made up for.
      due = Math.max(due + everyMs, clock.monotonic());
      return probed;
    },
  };
}

/** Throws Interrupted where the run is to end. */
export function stopIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Interrupted("interrupted");
}
