import type { ExitCode } from "../audit/report.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { type LogPage, logPages, newestEntries } from "../operator/log.ts";
import { chooseTarget, type ForeignTarget, type OwnTarget } from "../operator/target.ts";
import { everySo } from "../rehearsal/pause.ts";
import { printable } from "../report/printable.ts";
import type { Format } from "./formats.ts";
import type { Surroundings } from "./surroundings.ts";
import { formatOf, numberOf, type SwitchFlags } from "./switch-flags.ts";
import { entryLine, foreignLine } from "./switch-log-lines.ts";
import { jsonLine, onSwitch } from "./switch-run.ts";
import { sayWhatIsLeft } from "./leftovers.ts";

export interface LogFlags extends SwitchFlags {
  verify?: boolean;
  follow?: boolean;
  checkpoint?: string;
  last?: string;
}

const EVERY_MS = 1_000;
const REPLACED =
  "THE LOG WAS REPLACED: the switch answers from another data file, or from a backup; going on from the start of that log\n";

/** `clawproof log [--verify] [--follow] [--checkpoint FILE]` (contract, 4.1). Throws UsageError, InvalidConfig. */
export async function log(flags: LogFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = formatOf(flags);
  const last = numberOf("--last", flags.last, 1);
  return onSwitch(format, surroundings, async () => {
    const target = await chooseTarget(flags, surroundings);
    await sayWhatIsLeft(target.project, surroundings);
    const follow = flags.follow === true;
    const { verify = false, checkpoint } = flags;
    if (!verify && checkpoint === undefined) {
      return target.kind === "own"
        ? printOurs(target, { format, follow, last }, surroundings)
        : printForeign(target, { format, follow, last }, surroundings);
    }
    if (target.kind === "foreign")
      throw new SwitchProblem("refused", `this switch's log has no chain (${target.source})`);
    const { proveLog } = await import("./switch-log-proof.ts");
    return proveLog(target, { verify, checkpoint, format }, surroundings);
  });
}

interface Printing {
  format: Format;
  follow: boolean;
  last: number | undefined;
}

async function printOurs(
  target: OwnTarget,
  { format, follow, last }: Printing,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { signal, stdout, stderr } = surroundings;
  let series: string | null = null;
  let after = 0;
  const print = (entries: LogPage["entries"]): void => {
    stdout.write(entries.map((entry) => (format === "json" ? jsonLine(entry) : `${entryLine(entry)}\n`)).join(""));
    after = entries.at(-1)?.seq ?? after;
  };
  const rest = async (): Promise<void> => {
    for await (const page of logPages(target, after, signal)) {
      const isReplaced = series !== null && (page.series !== series || page.last < after);
      series = page.series;
      if (isReplaced) {
        stderr.write(REPLACED);
        after = 0;
        return rest();
      }
      print(page.entries);
    }
  };
  if (last === undefined) await rest();
  else {
    const newest = await newestEntries(target, last, signal);
    series = newest.series;
    print(newest.entries);
  }
  return follow ? keepOn(rest, surroundings) : 0;
}

/** A foreign log has no numbers: what was there before is known by its words and how often they stood there. */
async function printForeign(
  target: ForeignTarget,
  { format, follow, last }: Printing,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { readForeignLog } = await import("../operator/foreign.ts");
  const { signal, stdout } = surroundings;
  let known = new Map<string, number>();
  const fresh = async (): Promise<void> => {
    const entries = await readForeignLog(target, signal);
    const now = new Map<string, number>();
    const added = entries.filter((entry) => {
      const key = JSON.stringify(entry);
      const count = (now.get(key) ?? 0) + 1;
      now.set(key, count);
      return count > (known.get(key) ?? 0);
    });
    const shown = known.size === 0 && last !== undefined ? added.slice(-last) : added;
    known = now;
    stdout.write(
      shown
        .map((entry) =>
          format === "json"
            ? jsonLine({ ...entry, at: entry.at === null ? null : new Date(entry.at).toISOString() })
            : `${foreignLine(entry)}\n`,
        )
        .join(""),
    );
  };
  await fresh();
  return follow ? keepOn(fresh, surroundings) : 0;
}

/** Prints what comes, until it is interrupted; a switch that is away for a while is said once. */
async function keepOn(print: () => Promise<void>, { signal, stderr }: Surroundings): Promise<ExitCode> {
  let isAway = false;
  await everySo(EVERY_MS, signal, async () => {
    try {
      await print();
      if (isAway) stderr.write("the switch answers again\n");
      isAway = false;
    } catch (error) {
      if (!(error instanceof SwitchProblem)) throw error;
      if (!isAway && !signal.aborted) stderr.write(`${printable(error.message)}; trying again\n`);
      isAway = true;
    }
  });
  return 130;
}
