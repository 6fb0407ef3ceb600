import { DatabaseFailed, type Parameter } from "../databases/database.ts";
import { StatementRefused, type Run, type Writer } from "../databases/writing/writer.ts";
import { LedgerError } from "./ledger.ts";
import { endActions, endAlone, insertActions, type Many } from "./statements.ts";

/** So many rows go into one commit at most. */
const LARGEST_GROUP = 512;
/** How many rows a statement takes: each size is prepared once. */
const SIZES = [64, 32, 16, 8, 4, 2, 1];
/** An end that found the database gone: what was done is done, and its row should say so. */
const END_ATTEMPTS = 2;

interface Item {
  kind: "begin" | "end";
  id: string;
  values: Parameter[];
  attempts: number;
  resolve: () => void;
  reject: (error: LedgerError) => void;
}

/**
 * Writes begins and ends. What comes while a commit is under way, or within one turn of the event loop, shares the next
 * commit; nothing is held back to wait for more.
 */
export class Recorder {
  readonly #writer: Writer;
  readonly #insert: Many;
  readonly #end: Many;
  readonly #endAlone: ReturnType<typeof endAlone> | null;
  #waiting: Item[] = [];
  #draining: Promise<void> | null = null;

  constructor(writer: Writer) {
    this.#writer = writer;
    this.#insert = insertActions(writer.dialect);
    this.#end = endActions(writer.dialect);
    this.#endAlone = writer.dialect === "mysql" ? endAlone() : null;
  }

  /** Resolves when it is on the disk. Rejects with LedgerError; whether a begin then stands is not known. */
  add(kind: Item["kind"], id: string, values: Parameter[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind, id, values, attempts: 0, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#draining !== null) await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Whoever else is about to record in this turn comes along.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#write(this.#waiting.splice(0, LARGEST_GROUP));
    }
    this.#draining = null;
  }

  async #write(items: Item[]): Promise<void> {
    try {
      const missed = await this.#commit(items);
      for (const item of items) {
        if (missed && item.kind === "end") await this.#alone(item);
        else item.resolve();
      }
    } catch (error) {
      if (error instanceof StatementRefused && items.length > 1) {
        // Nothing of it was written, and one row alone may be at fault.
        for (const item of items) await this.#write([item]);
        return;
      }
      for (const item of items) this.#failed(item, error);
    }
  }

  /** Whether ends met fewer rows than there are of them. */
  async #commit(items: readonly Item[]): Promise<boolean> {
    const begins = items.filter(({ kind }) => kind === "begin");
    // In one order with whoever claims them, so that one waits for the other rather than both.
    const ends = items.filter(({ kind }) => kind === "end").sort((a, b) => (a.id < b.id ? -1 : 1));
    const both = async (run: Run): Promise<number> => {
      await this.#runAll(run, this.#insert, begins);
      return this.#runAll(run, this.#end, ends);
    };
    const changed = items.length === 1 ? await both(this.#writer.run) : await this.#writer.transaction(both);
    return changed < ends.length;
  }

  async #runAll(run: Run, many: Many, items: readonly Item[]): Promise<number> {
    let changed = 0;
    for (let at = 0; at < items.length;) {
      const left = items.length - at;
      const size = SIZES.find((one) => one <= left) ?? 1;
      const values = items.slice(at, at + size).flatMap((item) => item.values);
      changed += (await this.#runOnce(run, many, size, values)).changed;
      at += size;
    }
    return changed;
  }

  #runOnce(run: Run, many: Many, size: number, values: readonly Parameter[]): ReturnType<Run> {
    if (size > 1 || many !== this.#end || this.#endAlone === null) return run(many(size), values);
    const { text, order } = this.#endAlone;
    return run(
      text,
      order.map((index) => values[index] ?? null),
    );
  }

  /** Repeats an end, which does nothing where it took, to learn whether its row was there. */
  async #alone(item: Item): Promise<void> {
    try {
      const { changed } = await this.#runOnce(this.#writer.run, this.#end, 1, item.values);
      if (changed > 0) item.resolve();
      else item.reject(new LedgerError(`the action ${item.id} is not in the ledger, or has ended already`));
    } catch (error) {
      this.#failed(item, error);
    }
  }

  #failed(item: Item, error: unknown): void {
    item.attempts++;
    const again = item.kind === "end" && item.attempts < END_ATTEMPTS && !(error instanceof StatementRefused);
    if (again) this.#waiting.push(item);
    else item.reject(asLedgerError(error));
  }
}

/** What went wrong as callers of the ledger know it. */
export function asLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const why = error instanceof DatabaseFailed ? error.why : error instanceof Error ? error.message : String(error);
  return new LedgerError(`the ledger failed: ${why}`, { cause: error });
}
