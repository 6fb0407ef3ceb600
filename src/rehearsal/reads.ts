import type { Call } from "../config/call.ts";
import type { Project } from "../config/project.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { everySo } from "./pause.ts";
import { namedOutcome, sendProbe } from "./probe.ts";

/** Probe reads that were sent and answered; `firstFailure` names the first that was not answered as `expect` says. */
export interface ReadCounts {
  sent: number;
  accepted: number;
  firstFailure: string | null;
}

export const noReads = (): ReadCounts => ({ sent: 0, accepted: 0, firstFailure: null });

export interface Reading {
  read: Call;
  project: Project;
  filling: PlaceholderValues;
  signal: AbortSignal;
}

/** Sends one probe read and counts it, unless it was interrupted. */
export async function countRead({ read, project, filling, signal }: Reading, counts: ReadCounts): Promise<void> {
  const probed = await sendProbe(read, project, filling, signal);
  if (signal.aborted) return;
  counts.sent += 1;
  if (probed.heard.kind === "accepted") counts.accepted += 1;
  else counts.firstFailure ??= namedOutcome(probed);
}

/** Probe reads beside the writes, until the signal is aborted. */
export function readBeside(reading: Reading, everyMs: number, counts: ReadCounts): Promise<void> {
  return everySo(everyMs, reading.signal, () => countRead(reading, counts));
}
