import type { Chained } from "../values/hash-chain.ts";
import { askJson } from "./own.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

/** An entry of the log of a switch of ours. Kinds have members of their own beside these. */
export interface LogEntry extends Chained {
  seq: number;
  /** ISO 8601. */
  at: string;
  kind: string;
  by?: string | null;
  from?: string | null;
  scope?: string;
  mode?: string;
  reason?: string;
  epoch?: number;
  cause?: string;
  [other: string]: unknown;
}

/** `GET /v1/log`. */
export interface LogPage {
  series: string;
  entries: LogEntry[];
  /** The newest entry's; 0 of an empty log. */
  last: number;
}

/** Fewer than the switch would give at once: an answer may not be larger than 1 MB. */
const PAGE = 500;

/** The log's entries after one, oldest first, page by page, up to the newest. Throws SwitchProblem. */
export async function* logPages(target: OwnTarget, after: number, signal?: AbortSignal): AsyncGenerator<LogPage> {
  for (let from = after; ;) {
    const { body } = await askJson<LogPage>(target, { path: `/v1/log?after=${from}&limit=${PAGE}`, signal }, "entries");
    yield body;
    const newest = body.entries.at(-1)?.seq;
    if (newest === undefined || newest >= body.last) return;
    // Whatever answers, this ends.
    if (newest <= from) throw new SwitchProblem("unanswered", "the switch gives the same part of its log again");
    from = newest;
  }
}

/** The newest entries, oldest first. Throws SwitchProblem. */
export async function newestEntries(target: OwnTarget, count: number, signal?: AbortSignal): Promise<LogPage> {
  const { body } = await askJson<LogPage>(target, { path: `/v1/log?last=${count}`, signal }, "entries");
  return body;
}

/** The entry of that number; null where the log holds none. Throws SwitchProblem. */
export async function entryAt(target: OwnTarget, seq: number, signal?: AbortSignal): Promise<LogEntry | null> {
  const { body } = await askJson<LogPage>(target, { path: `/v1/log?after=${seq - 1}&limit=1`, signal }, "entries");
  return body.entries.find((entry) => entry.seq === seq) ?? null;
}
