import type { SwitchLogEntry } from "../evidence/facts.ts";
import type { LogEntry } from "../operator/log.ts";
import { printable } from "../report/printable.ts";
import { localTime, scopeWords } from "./switch-words.ts";

/** Entries of a switch's log as lines for a person. */

/** Said in their own places, or of no use to a reader. */
const SAID = new Set([
  "seq",
  "at",
  "kind",
  "by",
  "from",
  "scope",
  "mode",
  "reason",
  "epoch",
  "cause",
  "previous",
  "hash",
  "series",
]);
const LONGEST = 300;

/** `2026-11-22 14:03:11 +01:00  12  kim  kill support-agent, stopped, order 7: it pays out twice`. */
export function entryLine(entry: LogEntry): string {
  const { seq, at, kind, by, scope, mode, epoch, cause, reason } = entry;
  const facts = [
    `${kind}${scope === undefined ? "" : ` ${scopeWords(scope)}`}`,
    ...(mode === undefined ? [] : [mode]),
    ...(epoch === undefined ? [] : [`order ${epoch}`]),
    ...(cause === "breaker" ? ["by a breaker"] : []),
    ...others(entry),
  ];
  const why = reason === undefined ? "" : `: ${reason}`;
  return printable(`${localTime(at)}  ${seq}  ${by ?? "-"}  ${facts.join(", ")}${why}`);
}

function others(entry: LogEntry): string[] {
  return Object.entries(entry)
    .filter(([name, value]) => !SAID.has(name) && value !== null)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`.slice(0, LONGEST));
}

/** The same for a switch of somebody else's make. */
export function foreignLine({ at, by, scope, reason }: SwitchLogEntry): string {
  const when = at === null ? "(no time)" : localTime(at);
  const what = scope === null ? "" : `  ${scopeWords(scope)}`;
  return printable(`${when}  ${by ?? "-"}${what}${reason === null ? "" : `: ${reason}`}`);
}
