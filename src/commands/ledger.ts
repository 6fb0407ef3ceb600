import type { ExitCode } from "../audit/report.ts";
import type { Entry } from "../ledger/record.ts";
import { printable } from "../report/printable.ts";
import { bothMoments, localMoment } from "../values/moment.ts";
import { nothingMatched, NothingTried, openReading, projectWithLedger, telling } from "./ledger-open.ts";
import { type SelectFlags, selectionOf } from "./rollback-flags.ts";
import type { Surroundings } from "./surroundings.ts";
import { parseFormat } from "./formats.ts";
import { jsonLine } from "./switch-run.ts";

export type LedgerFlags = SelectFlags;

/** `clawproof ledger list|show`: exit 0 printed, 2 where nothing matched. Throws UsageError, InvalidConfig. */
export async function ledger(
  verb: "list" | "show",
  scope: string | undefined,
  flags: LedgerFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr, clock, signal } = surroundings;
  const format = parseFormat(flags.format);
  const { filter, limit } = selectionOf(scope, flags, clock.now());
  const project = await projectWithLedger(flags, surroundings);
  surroundings.onSignal = () => undefined;
  try {
    const { reading, close } = await openReading(project, signal);
    try {
      let count = 0;
      await telling(project, async () => {
        for await (const entry of reading.entries(filter, { limit })) {
          count++;
          if (format === "json") stdout.write(jsonLine(entry.record ?? { damaged: entry.damaged }));
          else stdout.write(`${(verb === "list" ? [printable(lineOf(entry))] : linesOf(entry)).join("\n")}\n`);
        }
        if (count === 0) throw new NothingTried(await nothingMatched(reading, filter));
      });
      return 0;
    } finally {
      await close();
    }
  } catch (error) {
    if (!(error instanceof NothingTried)) throw error;
    stderr.write(`clawproof: ${printable(error.message)}\n`);
    if (format === "json") stdout.write(jsonLine({ error: error.message, exitCode: 2 }));
    return 2;
  }
}

function lineOf({ record, damaged }: Entry): string {
  if (damaged) return `${damaged.id}  DAMAGED  ${damaged.why}`;
  const undone = record.undo_status === "none" ? "" : `, ${record.undo_status}`;
  const drill = record.drill ? " (drill)" : "";
  return [
    localMoment(record.started_at),
    record.id,
    `${record.status}${undone}`,
    record.type + drill,
    record.target ?? "-",
    `trace ${record.trace_id}`,
  ].join("  ");
}

const isTime = (name: string): boolean => name.endsWith("_at") || name === "undo_until";

function linesOf(entry: Entry): string[] {
  if (entry.damaged) return [printable(lineOf(entry)), ""];
  const fields = Object.entries(entry.record).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    if (isTime(name) && typeof value === "number") return [`  ${name}: ${bothMoments(value)}`];
    return [`  ${name}: ${printable(typeof value === "string" ? value : JSON.stringify(value))}`];
  });
  return [printable(lineOf(entry)), ...fields, ""];
}
