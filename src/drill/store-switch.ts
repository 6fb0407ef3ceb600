import type { Project } from "../config/project.ts";
import { askJson } from "../operator/own.ts";
import { SwitchProblem } from "../operator/problem.ts";
import type { LogEntry } from "../operator/log.ts";
import { configured, type OwnTarget } from "../operator/target.ts";
import { verifyLog } from "../operator/verify.ts";
import { pause } from "../rehearsal/pause.ts";
import { chain, hashOfEntry } from "../values/hash-chain.ts";
import type { DrillLine } from "./line.ts";
import type { Appended, NewDrillLine, ReadDrillLog } from "./log.ts";
import { parseDrillLine } from "./parse.ts";
import { type KeptDrills, StoreFailed, type StoreOptions } from "./store.ts";

/**
 * Lines of drills at our own switch. There each line is an entry of the switch's log: the entry's hash covers it, the
 * next entry covers that, and the service changes and deletes none. A line itself vouches only for its own text
 * (`previous` is `""`): who reads the lines of one agent has gaps between them that mean nothing.
 */

const PAGE = 500;
const RETRY_AFTER_MS = 500;
/** How far the switch's clock may be off the drill's; milliseconds. */
const SKEW_MS = 5_000;

/** Throws StoreFailed. */
export async function read(project: Project, options: StoreOptions): Promise<KeptDrills> {
  if (options.offline) {
    throw new StoreFailed("withheld", "--offline opens no connection", project.where(["drills", "store"]));
  }
  return asking(project, async (target) => {
    const log: ReadDrillLog = { lines: [], refused: [], brokenAt: null };
    const seen = new Set<string>();
    for (const entry of await entriesOf(target, project.config.agent.name, options.signal)) {
      const read = lineIn(entry);
      if ("line" in read) {
        // Kept twice, because the first answer was lost.
        if (!seen.has(read.line.hash)) log.lines.push({ lineNumber: entry.seq, line: read.line });
        seen.add(read.line.hash);
        continue;
      }
      log.refused.push({ lineNumber: entry.seq, why: read.why });
      log.brokenAt ??= { lineNumber: entry.seq, why: read.why };
    }
    const broken = options.whole === true ? await chainProblem(target, log, options.signal) : null;
    return {
      ...log,
      brokenAt: broken ?? log.brokenAt,
      source: `drills at ${target.url}`,
      location: project.where(["drills", "store"]),
      unit: "entry",
    };
  });
}

/** Throws StoreFailed. */
export async function append(project: Project, entry: NewDrillLine, { signal }: StoreOptions): Promise<Appended> {
  const line = chain(entry, "");
  await asking(project, (target) => keep(target, line, signal));
  return { line, halfLine: null };
}

/** A drill cannot be held again for an answer that was lost: it is kept again, and reading knows it for the same. */
async function keep(target: OwnTarget, line: DrillLine, signal: AbortSignal | undefined, tries = 3): Promise<void> {
  try {
    await askJson(target, { path: "/v1/drills", method: "POST", json: { line }, signal }, "seq");
  } catch (error) {
    const isLost = error instanceof SwitchProblem && error.kind === "unanswered";
    if (!isLost || tries <= 1 || signal?.aborted === true) throw error;
    await pause(RETRY_AFTER_MS, signal);
    await keep(target, line, signal, tries - 1);
  }
}

/** Throws StoreFailed. */
export async function check(project: Project, { signal }: StoreOptions): Promise<string> {
  return asking(project, async (target) => {
    const { body } = await askJson<{ name: string; roles: string[] }>(target, { path: "/v1/whoami", signal }, "roles");
    if (body.roles.includes("release")) return `the switch at ${target.url}`;
    throw new SwitchProblem(
      "refused",
      `keeping a drill's line needs the role release, which ${body.name} does not have`,
    );
  });
}

async function asking<T>(project: Project, ask: (target: OwnTarget) => Promise<T>): Promise<T> {
  const location = project.where(["drills", "store"]);
  const { killSwitch } = project.config;
  if (killSwitch === undefined || !("provider" in killSwitch)) {
    throw new StoreFailed("failed", "drills.store: switch needs killSwitch: { provider: clawproof }", location);
  }
  try {
    const target = await configured(project);
    if (target.kind !== "own") throw new TypeError("a switch of ours is no other's");
    return await ask(target);
  } catch (error) {
    if (error instanceof SwitchProblem) throw new StoreFailed("failed", error.message, location, { cause: error });
    throw error;
  }
}

async function entriesOf(target: OwnTarget, agent: string, signal: AbortSignal | undefined): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let after = 0; ;) {
    const query = new URLSearchParams({ agent, after: String(after), limit: String(PAGE) });
    const { body } = await askJson<{ entries: LogEntry[] }>(
      target,
      { path: `/v1/drills?${query.toString()}`, signal },
      "entries",
    );
    entries.push(...body.entries);
    const newest = body.entries.at(-1)?.seq;
    if (newest === undefined || body.entries.length < PAGE) return entries;
    if (newest <= after) throw new SwitchProblem("unanswered", "the switch gives the same drills again");
    after = newest;
  }
}

function lineIn(entry: LogEntry): { line: DrillLine } | { why: string } {
  if (!isUnchanged(entry, entry.hash)) return { why: "changed after it was kept: its entry's hash does not fit" };
  const read = parseDrillLine(JSON.stringify(entry["line"]));
  if ("why" in read) return read;
  const { line } = read;
  if (!isUnchanged(line, line.hash)) return { why: "changed before it was kept: its hash does not fit" };
  const isEarly = !(Date.parse(entry.at) >= Date.parse(line.endedAt) - SKEW_MS);
  return isEarly ? { why: `it was kept at ${entry.at}, before its drill ended` } : { line };
}

function isUnchanged(value: object, hash: string): boolean {
  try {
    return hashOfEntry(value) === hash;
  } catch (error) {
    // What has no canonical form was never hashed.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Where the switch's log breaks, or gives an entry of a line otherwise than it gave the line. */
async function chainProblem(
  target: OwnTarget,
  { lines }: ReadDrillLog,
  signal: AbortSignal | undefined,
): Promise<ReadDrillLog["brokenAt"]> {
  const expected = new Map(lines.map(({ lineNumber, line }) => [lineNumber, line.hash]));
  const verified = await verifyLog(
    target,
    (entry) => {
      const hash = expected.get(entry.seq);
      expected.delete(entry.seq);
      const line = entry["line"] as Partial<DrillLine> | undefined;
      return hash === undefined || line?.hash === hash ? null : "is not the drill that the switch gave";
    },
    signal,
  );
  if (!verified.whole)
    return { lineNumber: verified.seq, why: `the switch's log is broken: entry ${verified.seq} ${verified.why}` };
  const [missing] = expected.keys();
  return missing === undefined ? null : { lineNumber: missing, why: "the switch's log has no such entry" };
}
