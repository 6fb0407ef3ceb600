import type { Script } from "../config/schema.ts";
import type { PlaceholderValues } from "../config/template.ts";
import type { ScriptFacts } from "./facts.ts";
import type { Gathering } from "./gathering.ts";
import { type OpenTables, withRecordTables } from "./records-tables.ts";
import { recordsInWindow } from "./records-traces.ts";
import { maskOutput, saysItCovers } from "./script-output.ts";
import type { RunScript } from "./script-run.ts";
import { type KnownTrace, knownTraces, unknownTrace } from "./script-traces.ts";
import { changedSince, lookBefore } from "./script-unchanged.ts";

export interface DryRunOrder {
  script: Script;
  run: RunScript;
  gathering: Gathering;
  takesWindow: boolean;
  /** The types that the script says it covers; null where it does not say. No dry run begins before it has said so. */
  listed: Promise<readonly string[] | null>;
}

/** What the dry runs are held against. */
interface Held {
  tables: OpenTables;
  traces: readonly KnownTrace[];
  listed: readonly string[] | null;
}

type DryRun = ScriptFacts["dryRun"];

/** The script did wrong: ends the dry runs at once, so that one that acts does not act again. */
class DidWrong extends Error {
  override name = "DidWrong";
}

/**
 * Runs the script dry (contract, 05.6): on two unknown traces, which must print the same; on the known ones, which must
 * differ, exit 0 and change nothing; on an hour of 1970; and, with `trace: recent`, on a window that holds records.
 *
 * A type counts as seen where a trace holds records of it, the dry run on that trace exits 0, prints something else than
 * on an unknown trace, does not say that it leaves that type alone (`saysItCovers`), and the script's own list, where it
 * gives one, names the type.
 */
export async function dryRunScript(order: DryRunOrder): Promise<DryRun> {
  const { script, gathering } = order;
  gathering.progress.show("running the rollback script dry");
  return withRecordTables(gathering, async (tables): Promise<DryRun> => {
    const traces = await knownTraces(script.rehearse?.trace ?? "probe", tables, gathering);
    if ("why" in traces) return { state: "not-run", why: traces.why };
    try {
      const held = { tables, traces, listed: await order.listed };
      return await runAll(order, held, await watchOver(held, gathering));
    } catch (error) {
      if (error instanceof DidWrong) return { state: "failed", why: error.message };
      throw error;
    }
  });
}

/** Throws DidWrong where anything that dry runs must leave alone is no longer as it was. */
type MustBeUnchanged = () => Promise<void>;

async function watchOver({ traces, tables }: Held, gathering: Gathering): Promise<MustBeUnchanged> {
  const before = await lookBefore(traces, tables, gathering);
  return async () => {
    const changed = await changedSince(before, traces, tables, gathering);
    if (changed !== null) throw new DidWrong(changed);
  };
}

async function runAll(order: DryRunOrder, held: Held, mustBeUnchanged: MustBeUnchanged): Promise<DryRun> {
  const unknown = await runUnknown(order);
  await mustBeUnchanged();
  const types = new Set<string>();
  const runs = ["dry runs on two unknown traces printed the same"];
  for (const known of held.traces) {
    const printed = await dry(order, order.script.trace, ofTrace(known.trace));
    // First of all: whatever else is wrong with it, a script that acts when dry is the worst.
    await mustBeUnchanged();
    const seen = typesSeen(held, known, printed, unknown);
    for (const type of seen) types.add(type);
    runs.push(`dry run on trace ${known.trace}: exit 0, nothing changed, covers ${seen.join(", ") || "no type"}`);
  }
  if (order.takesWindow) runs.push(...(await runWindows(order, held)));
  await mustBeUnchanged();
  return { state: "seen", types: [...types], runs };
}

interface Printed {
  exit: number;
  complaint: string;
  /** Standard output and error, masked. */
  text: string;
}

async function dry({ script, run }: DryRunOrder, args: readonly string[] = [], given: Given): Promise<Printed> {
  const outcome = await run([...args, ...(script.dryRun ?? [])], given.placeholders);
  if ("why" in outcome) throw new DidWrong(outcome.why);
  const { exit, complaint, stdout, stderr } = outcome;
  return { exit, complaint, text: maskOutput(`${stdout}\n${stderr}`, given.known) };
}

/** What a run is given, and the texts by which its output may therefore differ. */
interface Given {
  placeholders: PlaceholderValues;
  known: string[];
}

const ofTrace = (trace: string): Given => ({ placeholders: { trace }, known: [trace] });

async function runUnknown(order: DryRunOrder): Promise<Printed> {
  const [first, second] = await dryTwice(order, order.script.trace, [ofTrace(unknownTrace()), ofTrace(unknownTrace())]);
  // Some scripts exit with an error where there is nothing to undo; but they do so each time.
  if (!isSame(first, second)) {
    throw new DidWrong("two unknown traces do not print the same, so its output shows nothing");
  }
  return first;
}

const isSame = (one: Printed, other: Printed): boolean => one.exit === other.exit && one.text === other.text;

/**
 * Two runs that find no record, both at once, in half the time. A rollback script may well lock itself: unless both ran
 * well and printed the same, what counts is what it prints one after the other.
 */
async function dryTwice(
  order: DryRunOrder,
  args: readonly string[] | undefined,
  [given, other]: readonly [Given, Given],
) {
  const runs = [dry(order, args, given), dry(order, args, other)] as const;
  // Whatever becomes of one of them, the other has ended too before anything else begins.
  await Promise.allSettled(runs);
  const together = [await runs[0], await runs[1]] as const;
  if (isSame(...together) && together[0].exit === 0) return together;
  return [await dry(order, args, given), await dry(order, args, other)] as const;
}

/** The types of which this dry run covered a record. */
function typesSeen({ listed }: Held, known: KnownTrace, printed: Printed, unknown: Printed): string[] {
  if (printed.exit !== 0) throw new DidWrong(printed.complaint);
  if (printed.text === unknown.text) {
    throw new DidWrong(`it prints the same for a trace with records (${known.trace}) as for an unknown one`);
  }
  const output = { known: printed.text, unknown: unknown.text };
  const covered = known.types.filter((type) => saysItCovers(type, output, known.types.length === 1));
  return covered.filter((type) => listed === null || listed.includes(type));
}

interface Window {
  since: number;
  until: number;
}

const HOUR_MS = 3_600_000;
/** Hours of 1970, which hold no record; not the very first, for zero is what a broken time reads as. */
const FIRST_HOURS = {
  early: { since: HOUR_MS, until: 2 * HOUR_MS },
  later: { since: 25 * HOUR_MS, until: 26 * HOUR_MS },
};

/** ISO 8601 is what the script is given; whatever of it it prints in seconds or milliseconds is the window too. */
function ofWindow({ since, until }: Window): Given {
  const [from, to] = [since, until].map((ms) => new Date(ms).toISOString()) as [string, string];
  const numbers = [since, until, since / 1_000, until / 1_000].map(String);
  return { placeholders: { since: from, until: to }, known: [from, to, ...numbers] };
}

async function runWindows(order: DryRunOrder, held: Held): Promise<string[]> {
  const empty = await runEmptyWindows(order);
  const said = "dry runs on two empty hours of 1970 printed the same";
  return order.script.rehearse?.trace === "recent" ? [said, await runFullWindow(order, held, empty)] : [said];
}

async function runEmptyWindows(order: DryRunOrder): Promise<Printed> {
  const hours = [ofWindow(FIRST_HOURS.early), ofWindow(FIRST_HOURS.later)] as const;
  const [first, second] = await dryTwice(order, order.script.window, hours);
  const wrong = [first, second].find(({ exit }) => exit !== 0);
  if (wrong !== undefined) throw new DidWrong(`for an hour of 1970: ${wrong.complaint}`);
  if (first.text === second.text) return first;
  throw new DidWrong("two empty hours of 1970 do not print the same, so its output shows nothing");
}

/** A second around the latest record of a trace: the smallest window that is known to hold records. */
async function runFullWindow(order: DryRunOrder, held: Held, empty: Printed): Promise<string> {
  const window = await windowWithRecords(held);
  if (window === null) return "no window that holds records was tried: their times are not known";
  const printed = await dry(order, order.script.window, ofWindow(window));
  const given = ofWindow(window).known.slice(0, 2).join(" to ");
  if (printed.exit !== 0) throw new DidWrong(`for the window ${given}: ${printed.complaint}`);
  if (printed.text === empty.text) {
    throw new DidWrong(`it prints the same for a window with records (${given}) as for an empty one`);
  }
  return `dry run on the window ${given}: exit 0, differs from an empty one`;
}

async function windowWithRecords({ tables, traces }: Held): Promise<Window | null> {
  const latest = Math.max(...traces.map(({ at }) => at ?? Number.NEGATIVE_INFINITY));
  if (!Number.isFinite(latest)) return null;
  const window = { since: latest - 1_000, until: latest + 1_000 };
  const count = await recordsInWindow(tables, window.since, window.until);
  return count === null || count === 0 ? null : window;
}
