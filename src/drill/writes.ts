import type { Project } from "../config/project.ts";
import type { WriteProbe } from "../config/schema.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { namedOutcome, sendProbe } from "../rehearsal/probe.ts";
import { stopIfInterrupted } from "../rehearsal/prober.ts";
import { readState, type State, type StateCall } from "./state.ts";

/** What a drill writes, one of each action type, and the states that tell whether it was undone. */

/** An action type of `agent.probes.writes`. */
export interface DrillWrite {
  type: string;
  call: WriteProbe;
  state: StateCall | null;
}

export function drillWritesOf({ config }: Project): DrillWrite[] {
  const writes = Object.entries(config.agent.probes?.writes ?? {});
  return writes.map(([type, call]) => ({ type, call, state: call.state ?? null }));
}

export interface Asking {
  project: Project;
  filling: PlaceholderValues;
  signal?: AbortSignal;
}

/** A type after its write: `why` says what makes undoing it prove nothing. */
export type Written = { type: string; wrote: boolean; why: string | null };

/**
 * The states before anything is written. Each is read twice: one that changes by itself can neither show that a write did
 * anything nor that it was undone.
 */
export async function readSteadyStates(writes: readonly DrillWrite[], asking: Asking): Promise<Map<string, State>> {
  const states = await readStates(writes, asking);
  const again = await readStates(writes, asking);
  for (const [type, state] of again) {
    const before = states.get(type);
    if (before === undefined || "why" in before || "why" in state || before.digest === state.digest) continue;
    states.set(type, { why: "it changes by itself: name what to compare with `at`" });
  }
  return states;
}

/** The state of each type, by its name; types without a `state` are left out. */
export async function readStates(writes: readonly DrillWrite[], asking: Asking): Promise<Map<string, State>> {
  const states = new Map<string, State>();
  for (const { type, state } of writes) {
    stopIfInterrupted(asking.signal);
    if (state) states.set(type, await readState(state, asking.project, asking.filling, asking.signal));
  }
  stopIfInterrupted(asking.signal);
  return states;
}

/** Writes one of each type, one after the other. Throws Interrupted. */
export async function writeOneOfEach(writes: readonly DrillWrite[], asking: Asking): Promise<Written[]> {
  const written: Written[] = [];
  for (const write of writes) written.push(await writeOne(write, asking));
  return written;
}

/** Where its "before" does not differ from its "after", what puts "before" back proves nothing (peers.md, T21). */
async function writeOne({ type, call, state }: DrillWrite, { project, filling, signal }: Asking): Promise<Written> {
  stopIfInterrupted(signal);
  const before = state && (await readState(state, project, filling, signal));
  // No interrupt cuts it off: a write that the agent still makes would come after what takes it back.
  const probed = await sendProbe(call, project, filling);
  stopIfInterrupted(signal);
  if (probed.heard.kind !== "accepted") return { type, wrote: false, why: `not written: ${namedOutcome(probed)}` };
  if (state === null || before === null) {
    return { type, wrote: true, why: "not compared: it has no state (agent.probes.writes)" };
  }
  if ("why" in before) return { type, wrote: true, why: `its state before the write could not be read: ${before.why}` };
  const after = await readState(state, project, filling, signal);
  stopIfInterrupted(signal);
  if ("why" in after) return { type, wrote: true, why: `its state after the write could not be read: ${after.why}` };
  const same = after.digest === before.digest;
  return { type, wrote: true, why: same ? "its state did not change, so undoing it would prove nothing" : null };
}
