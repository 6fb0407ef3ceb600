import type { Gathering } from "./gathering.ts";
import type { OpenTables } from "./records-tables.ts";
import { digestOfTrace } from "./records-traces.ts";
import { maskOutput } from "./script-output.ts";
import { type KnownTrace, sendProbe, unknownTrace } from "./script-traces.ts";

/** What must be the same before and after a dry run. */
export interface Before {
  /** By trace: the digest of its records. */
  digests: Map<string, string>;
  /** The answer to the probe read, times masked; null where there is none, or two in a row already differ. */
  read: string | null;
}

/** Looks at what dry runs must leave alone. Throws DatabaseFailed. */
export async function lookBefore(
  traces: readonly KnownTrace[],
  tables: OpenTables,
  gathering: Gathering,
): Promise<Before> {
  const digests = new Map<string, string>();
  for (const { trace } of traces) digests.set(trace, await digestOfTrace(tables, trace));
  const first = await probeRead(gathering);
  const steady = first !== null && first === (await probeRead(gathering));
  return { digests, read: steady ? first : null };
}

/** What is no longer as it was before; null where nothing changed. */
export async function changedSince(
  before: Before,
  traces: readonly KnownTrace[],
  tables: OpenTables,
  gathering: Gathering,
): Promise<string | null> {
  for (const { trace } of traces) {
    if ((await digestOfTrace(tables, trace)) !== before.digests.get(trace)) {
      return `it changed the records of trace ${trace} although asked for a dry run`;
    }
  }
  if (before.read === null) return null;
  const read = await probeRead(gathering);
  // An agent that no longer answers shows nothing about the script.
  const changed = read !== null && read !== before.read;
  return changed ? "it changed what the probe read answers although asked for a dry run" : null;
}

async function probeRead(gathering: Gathering): Promise<string | null> {
  const call = gathering.project.config.agent.probes?.read;
  if (!call) return null;
  const { matches } = await import("../doors/expectation.ts");
  const { CallFailed } = await import("../doors/door.ts");
  const trace = unknownTrace();
  const answer = await sendProbe(call, trace, gathering);
  if (answer instanceof CallFailed || !matches(answer, call.expect).met) return null;
  return maskOutput(answer.via === "http" ? answer.text : answer.stdout, [trace]);
}
