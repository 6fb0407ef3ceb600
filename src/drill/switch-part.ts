import type { KillSample, SwitchLogEntry } from "../evidence/facts.ts";
import type { Gathering } from "../evidence/gathering.ts";
import { LogUnread, logCallOf, readLog } from "../evidence/switch-log.ts";
import type { DrillLine } from "./line.ts";

/** What a switch of ours keeps of a drill: its series, the epochs of pull and release, the hash of the release's entry. */
export async function switchOf(
  sample: KillSample,
  digest: string,
  { project, activator }: Gathering,
): Promise<DrillLine["switch"]> {
  const { number } = sample;
  if (number === null) return { series: null, epochs: [], entry: null };
  const { series, epoch } = number;
  const call = logCallOf(project);
  const entries = call ? await readLog(call, project, { scope: sample.scope, activator }).catch(unread) : [];
  const release = entries.find(({ evidence }) => evidence === digest)?.own;
  const epochs = [epoch, ...(typeof release?.epoch === "number" ? [release.epoch] : [])];
  return { series, epochs, entry: release?.hash ?? null };
}

/** The line is held against the log whenever it counts; what cannot be read now is only not noted in it. */
function unread(error: unknown): SwitchLogEntry[] {
  if (error instanceof LogUnread) return [];
  throw error;
}
