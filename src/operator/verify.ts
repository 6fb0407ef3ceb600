import { ORDER_KINDS } from "../switch/protocol/messages.ts";
import { breakBetween } from "../values/hash-chain.ts";
import { logPages, type LogEntry } from "./log.ts";
import type { OwnTarget } from "./target.ts";

/** What a log that was read from its first entry to its last came to. */
export type Verification =
  | { whole: true; series: string; entries: number; epoch: number; head: string }
  | { whole: false; series: string; entries: number; seq: number; why: string };

const ORDERS = new Set<string>(ORDER_KINDS);

/** Reads the whole log and follows its chain, up to the first entry that is broken. Throws SwitchProblem. */
export async function verifyLog(
  target: OwnTarget,
  checkEntry: (entry: LogEntry) => string | null,
  signal?: AbortSignal,
): Promise<Verification> {
  const chain = new ChainReader();
  let series: string | null = null;
  for await (const page of logPages(target, 0, signal)) {
    series ??= page.series;
    for (const entry of page.entries) {
      const why = page.series === series ? (chain.follow(entry) ?? checkEntry(entry)) : "belongs to another series";
      if (why !== null) return { whole: false, series, entries: chain.entries, seq: entry.seq, why };
    }
  }
  const { entries, epoch, head } = chain;
  return { whole: true, series: series ?? "", entries, epoch, head };
}

/** Follows a hash chain entry by entry. */
export class ChainReader {
  /** Entries that hold so far. */
  entries = 0;
  epoch = 0;
  /** Hash of the last entry that holds. */
  head = "";
  #seq = 0;

  /** Why this entry does not follow the one before; null where it does. */
  follow(entry: LogEntry): string | null {
    const why = this.#numbered(entry) ?? this.#chained(entry) ?? this.#counted(entry);
    if (why !== null) return why;
    this.entries += 1;
    this.#seq = entry.seq;
    this.head = entry.hash;
    return null;
  }

  #numbered({ seq }: LogEntry): string | null {
    const expected = this.#seq + 1;
    return seq === expected
      ? null
      : `has the number ${seq} where ${expected} is next: an entry is missing or stands twice`;
  }

  #chained(entry: LogEntry): string | null {
    const broken = safeBreak(this.head, entry);
    if (broken === null) return null;
    return broken === "changed"
      ? "was changed: its content does not match its hash"
      : "does not follow the entry before it: that one was changed or replaced";
  }

  #counted({ kind, epoch }: LogEntry): string | null {
    if (!ORDERS.has(kind)) return null;
    if (epoch === undefined || epoch <= this.epoch) {
      return `is an order numbered ${epoch ?? "nothing"} after order ${this.epoch}: epochs only grow`;
    }
    this.epoch = epoch;
    return null;
  }
}

/** Half a character, or nesting without end, has no canonical form: no log of ours ever held that. */
function safeBreak(previous: string, entry: LogEntry): "changed" | "unlinked" | null {
  try {
    return breakBetween(previous, entry);
  } catch (error) {
    if (error instanceof TypeError) return "changed";
    throw error;
  }
}
