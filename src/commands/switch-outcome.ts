import type { ExitCode } from "../audit/report.ts";
import type { ScopeState } from "../operator/state.ts";
import { printable } from "../report/printable.ts";
import type { OrderAnswer } from "../switch/protocol/messages.ts";
import type { Order } from "../switch/protocol/order.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Outcome } from "./switch-obedience.ts";
import type { Prepared } from "./switch-order.ts";
import { jsonLine } from "./switch-run.ts";

/** What kill and release end with. */

/** 0: it stands and all known instances obey; 1: it stands, or stood, and not all do; 130: nobody waited for that. */
export function exitOf({ obedience, undone }: Outcome, signal: AbortSignal): ExitCode {
  const { known, obeyed } = obedience;
  if (undone === null && known > 0 && obeyed === known) return 0;
  return signal.aborted ? 130 : 1;
}

/** Said loudly: it holds now, and only as long as the switch runs. */
export function notDurable({ durable }: OrderAnswer): string {
  if (durable) return "";
  return `NOT DURABLE: the order is in force, but could not be written to disk and would not survive a restart of the switch. Make room on its disk, then give the order again.\n`;
}

/** The order and what came of it, as JSON on one line. */
export function orderJson(
  { verb, where, scope, reason, target }: Prepared,
  answer: OrderAnswer,
  { obedience, now, undone, notes }: Outcome,
  next: object,
  exitCode: ExitCode,
): string {
  const { known, obeyed, missing, afterMs } = obedience;
  const { instances: _atOnce, ...order } = answer;
  return jsonLine({
    command: verb,
    switch: where,
    source: target.source,
    ...order,
    ...heldNow(answer, now),
    scope,
    reason,
    instances: { known, obeyed, missing },
    afterMs: afterMs === null ? null : Math.round(afterMs),
    stands: undone === null,
    notes: undone === null ? notes : [...notes, undone],
    next,
    exitCode,
  });
}

/** What the scope may do by what was heard last, and by whose other orders; of parts of it, null where nobody said. */
export function heldNow(
  answer: OrderAnswer,
  now: ScopeState | null,
): Pick<ScopeState, "mode" | "covering"> & { narrower: readonly Order[] | null } {
  const { mode, covering, narrower } = now ?? { ...answer, narrower: null };
  return { mode, covering: covering.filter(({ epoch }) => epoch !== answer.epoch), narrower };
}

/** Writes the lines, or the JSON, whichever was asked for. */
export function tell(
  { format }: Pick<Prepared, "format">,
  { stdout }: Surroundings,
  lines: string[],
  json: string,
): void {
  stdout.write(format === "json" ? json : lines.map((line) => `${printable(line)}\n`).join(""));
}
