import { breakBetween, chain } from "../../values/hash-chain.ts";
import type { Order, Standing } from "../protocol/order.ts";
import { canonicalJson } from "../../values/canonical-json.ts";
import { type DataFile, DataFileRefused, openDataFile, type OpenDataFile } from "./data-file.ts";
import type { Effect, Entry, NewEntry } from "./entry.ts";
import { replay } from "./replay.ts";
import type { Database, Statement } from "libsql";

/** What could not be written down: the disk is full, or fails. */
export class NotDurable extends Error {
  override name = "NotDurable";
}

/** How much of the log's end is verified at a start; `clawproof log --verify` verifies all of it. */
const VERIFIED_AT_START = 1_000;

/** Something to write beside an entry, in its transaction. */
export type Beside = (database: Database) => void;

/** Everything to write at once: an entry, what it does to the orders, and what goes with it. */
export interface Append {
  entry: NewEntry;
  effect?: Effect | undefined;
  beside?: Beside | undefined;
}

export interface LogQuery {
  /** Entries with a higher `seq`, oldest first. */
  after?: number | undefined;
  limit?: number | undefined;
  /** The newest so many instead, oldest first. */
  last?: number | undefined;
  scope?: string | undefined;
  /** Orders alone. */
  orders?: boolean | undefined;
  /** Lines of drills alone; with an agent's name, of that agent. */
  drills?: true | { agent: string } | undefined;
}

/** The data file of the service: the log, and what can be looked up in it. All calls are synchronous. */
export class Store {
  readonly database: Database;
  readonly isNew: boolean;
  readonly series: string;
  readonly #close: () => void;
  readonly #statements: Record<"log" | "putOrder" | "endOrder", Statement>;
  #seq: number;
  #hash: string;

  static async open(path: string, options?: OpenDataFile): Promise<Store> {
    const file = await openDataFile(path, options);
    try {
      return new Store(file);
    } catch (error) {
      file.close();
      if (error instanceof DataFileRefused) throw error;
      throw file.refusal(`is damaged (${error instanceof Error ? error.message : String(error)})`, error);
    }
  }

  private constructor({ database, isNew, refusal, close }: DataFile) {
    this.database = database;
    this.isNew = isNew;
    this.#close = close;
    this.series = this.meta("series") ?? "";
    const tail = this.log({ last: VERIFIED_AT_START });
    const wrong = wrongIn(tail) ?? this.#wrongInOrders();
    if (wrong !== null) throw refusal(`was written to by somebody: ${wrong}`);
    this.#seq = tail.at(-1)?.seq ?? 0;
    this.#hash = tail.at(-1)?.hash ?? "";
    this.#statements = {
      log: database.prepare("INSERT INTO log (seq, epoch, kind, scope, hash, entry) VALUES (?, ?, ?, ?, ?, ?)"),
      putOrder: database.prepare("INSERT OR REPLACE INTO orders (scope, cause, entry) VALUES (?, ?, ?)"),
      endOrder: database.prepare("DELETE FROM orders WHERE scope = ? AND cause = ?"),
    };
  }

  /** Newest entry's number and hash; 0 and `""` of an empty log. */
  get head(): { seq: number; hash: string } {
    return { seq: this.#seq, hash: this.#hash };
  }

  meta(key: string): string | undefined {
    const row = this.database.prepare("SELECT value FROM meta WHERE key = ?").get(key) as { value: string } | undefined;
    return row?.value;
  }

  /** The orders in force and the newest epoch, as they were written. */
  standing(): Standing {
    const rows = this.database.prepare("SELECT entry FROM orders").all() as { entry: string }[];
    const orders = rows.map(({ entry }) => JSON.parse(entry) as Order).sort((a, b) => a.epoch - b.epoch);
    const newest = this.database.prepare("SELECT max(epoch) AS epoch FROM log").get() as { epoch: number | null };
    return { series: this.series, epoch: newest.epoch ?? 0, orders };
  }

  /** Writes entries and what goes with them in one transaction that is on the disk before this returns. Throws NotDurable, with nothing written. */
  append(appends: readonly Append[]): Entry[] {
    let { seq, hash } = this.head;
    const written = appends.map(({ entry }) => {
      const linked = chain({ seq: ++seq, ...entry }, hash) as Entry;
      hash = linked.hash;
      return linked;
    });
    this.transaction(() => {
      for (const [index, entry] of written.entries()) {
        this.#statements.log.run(
          entry.seq,
          entry.epoch ?? null,
          entry.kind,
          entry.scope ?? null,
          entry.hash,
          JSON.stringify(entry),
        );
        const { effect, beside } = appends[index] ?? {};
        for (const order of effect?.ended ?? []) this.#statements.endOrder.run(order.scope, order.cause);
        if (effect?.put) {
          const { scope, cause } = effect.put;
          this.#statements.putOrder.run(scope, cause, JSON.stringify(effect.put));
        }
        beside?.(this.database);
      }
    });
    this.#seq = seq;
    this.#hash = hash;
    return written;
  }

  /** Throws NotDurable where it could not be written, for whatever reason. */
  transaction(work: () => void): void {
    try {
      this.database.exec("BEGIN IMMEDIATE");
      work();
      this.database.exec("COMMIT");
    } catch (error) {
      this.#rollback();
      throw new NotDurable(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  log({ after = 0, limit = 1_000, last, scope, orders, drills }: LogQuery): Entry[] {
    const conditions = ["seq > ?"];
    const values: (string | number)[] = [after];
    if (scope !== undefined) {
      conditions.push("scope = ?");
      values.push(scope);
    }
    if (orders === true) conditions.push("epoch IS NOT NULL");
    if (drills !== undefined) conditions.push("kind = 'drill'");
    if (typeof drills === "object") {
      conditions.push("json_extract(entry, '$.line.agent') = ?");
      values.push(drills.agent);
    }
    const direction = last === undefined ? "ASC" : "DESC";
    const sql = `SELECT entry FROM log WHERE ${conditions.join(" AND ")} ORDER BY seq ${direction} LIMIT ?`;
    const rows = this.database.prepare(sql).all(...values, last ?? limit) as { entry: string }[];
    const entries = rows.map(({ entry }) => JSON.parse(entry) as Entry);
    return last === undefined ? entries : entries.reverse();
  }

  /** The newest release or expiry of each scope. */
  ends(): { scope: string; epoch: number }[] {
    const sql = "SELECT scope, max(epoch) AS epoch FROM log WHERE kind IN ('release', 'expired') GROUP BY scope";
    return this.database.prepare(sql).all() as { scope: string; epoch: number }[];
  }

  close(): void {
    this.#close();
  }

  /** The table of orders is there to be quick; the log is the truth. Where they differ, one of them is damaged. */
  #wrongInOrders(): string | null {
    const { epoch, orders } = this.standing();
    const told = replay(this.#orders());
    if (canonicalJson(orders) === canonicalJson(told.orders) && epoch === told.epoch) return null;
    return "the orders in force are not those that the log tells of";
  }

  *#orders(): Generator<Entry> {
    for (let after = 0; ;) {
      const page = this.log({ after, orders: true });
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.seq;
    }
  }

  #rollback(): void {
    try {
      this.database.exec("ROLLBACK");
    } catch (error) {
      // SQLite has rolled back by itself, as it does when the disk is full.
      if (!(error instanceof Error)) throw error;
    }
  }
}

/** What is wrong with the end of the log; null where it is whole. */
function wrongIn(entries: readonly Entry[]): string | null {
  const [first] = entries;
  let previous = first === undefined || first.seq === 1 ? "" : first.previous;
  for (const entry of entries) {
    const broken = breakBetween(previous, entry);
    if (broken === "changed") return `entry ${entry.seq} of its log was changed`;
    if (broken !== null) return `entry ${entry.seq} of its log does not follow the one before`;
    previous = entry.hash;
  }
  return null;
}
