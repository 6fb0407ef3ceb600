import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Call } from "../doors/door.ts";
import { CallFailed } from "../doors/door.ts";
import { contextOf } from "../doors/context.ts";
import { type Gathering, Interrupted } from "./gathering.ts";
import type { OpenTables } from "./records-tables.ts";
import { latestTraces, typesOfTrace } from "./records-traces.ts";

/** How long the agent may take to record the probe write that was sent for the script. */
const RECORDED_WITHIN_MS = 2_000;
const RETRY_MS = 200;

/** A trace to run the script on, dry. */
export interface KnownTrace {
  trace: string;
  /** The action types of its records. */
  types: string[];
  /** Epoch milliseconds of its latest record; null where that is not known. */
  at: number | null;
}

/** The traces that somebody consented to, each with records, each once; else why there are none. */
export async function knownTraces(
  consent: "probe" | "recent",
  tables: OpenTables,
  gathering: Gathering,
): Promise<KnownTrace[] | { why: string }> {
  if (consent === "recent") return recentTraces(tables, gathering);
  const { rehearsal } = gathering.facts;
  const trace = rehearsal?.state === "found" ? rehearsal.value.firstTrace : await sendProbeWrite(gathering);
  if (typeof trace !== "string") return trace;
  const types = await waitForRecords(trace, tables, gathering);
  return types.length > 0
    ? [{ trace, types, at: null }]
    : { why: `the probe write left no record under its trace (${trace})` };
}

async function recentTraces(tables: OpenTables, gathering: Gathering): Promise<KnownTrace[] | { why: string }> {
  const latest = await latestTraces(tables, writeTypes(gathering));
  const traces = new Map([...latest.values()].filter(isSafe).map(({ trace, at }) => [trace, at]));
  const known: KnownTrace[] = [];
  for (const [trace, at] of traces) {
    const types = await typesIn(tables, trace);
    if (types.length > 0) known.push({ trace, types, at });
  }
  return known.length > 0 ? known : { why: "the rollback tables hold no trace of any write action" };
}

const typesIn = async (tables: OpenTables, trace: string): Promise<string[]> => [
  ...(await typesOfTrace(tables, trace)).keys(),
];

/** Trace IDs come from whoever called the agent: one that reads as an option must not end up among the arguments. */
function isSafe({ trace }: { trace: string }): boolean {
  return /^[A-Za-z0-9][\x20-\x7e]*$/.test(trace);
}

/** The types that 05.6 counts against: declared, in an inventory, or recorded. */
/** Types that are declared to write, in an inventory, or found in the tables. */
export function writeTypes({ facts: { actions, records } }: Gathering): string[] {
  const known = actions?.state === "found" ? actions.value.types.filter(({ effect }) => effect === "write") : [];
  const recorded = records?.state === "found" ? records.value.types.filter(({ total }) => total > 0) : [];
  return [...new Set([...known, ...recorded].map(({ type }) => type))];
}

/** Where nothing was rehearsed, one probe write is sent for the script; its trace, or why there is none. */
async function sendProbeWrite(gathering: Gathering): Promise<string | { why: string }> {
  const write = gathering.project.config.agent.probes?.write;
  if (!write) return { why: "there is no probe write to run it on (agent.probes.write)" };
  const trace = unknownTrace();
  const { classify } = await import("../doors/expectation.ts");
  const outcome = await sendProbe(write, trace, gathering);
  const said = classify(outcome, write);
  if (said.kind === "accepted") return trace;
  return { why: `the probe write was not accepted (${said.kind === "refused" ? "the agent refused it" : said.why})` };
}

/** Sends a probe under a trace, marked as a drill's, so that being marked can only make it easier to stop. */
export async function sendProbe(call: Call, trace: string, { project, signal }: Gathering) {
  const { send } = await import("../doors/send.ts");
  const headers = { traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01`, "clawproof-drill": "1" };
  try {
    return await send(call, contextOf(project, { trace }, { headers, signal, fresh: true }));
  } catch (error) {
    if (signal.aborted) throw new Interrupted("interrupted");
    if (error instanceof CallFailed) return error;
    throw error;
  }
}

/** A trace ID that nobody ever used. */
export function unknownTrace(): string {
  return randomBytes(16).toString("hex");
}

async function waitForRecords(trace: string, tables: OpenTables, { signal }: Gathering): Promise<string[]> {
  for (let waited = 0; ; waited += RETRY_MS) {
    const types = await typesIn(tables, trace);
    if (types.length > 0 || waited >= RECORDED_WITHIN_MS || signal.aborted) return types;
    await pause(RETRY_MS);
  }
}
