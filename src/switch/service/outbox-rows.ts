import type { News } from "../../alerts/news.ts";

/** What the outbox needs of SQLite; libsql's `Database` is one. */
export interface OutboxDatabase {
  prepare(sql: string): {
    run(...values: unknown[]): { changes: number };
    get(...values: unknown[]): unknown;
    all(...values: unknown[]): unknown[];
  };
}

/** In SQL what `laneOf` says. */
const LANE = "json_extract(news, '$.scope'), json_extract(news, '$.kind') = 'refused'";

/** One row a delivery: a piece of news for a route. `outbox_clock` counts how long the service has run in all. */
export const OUTBOX_SQL = `
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route TEXT NOT NULL,
  name TEXT NOT NULL,
  news TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  queued_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_route ON outbox (route, id);
CREATE INDEX IF NOT EXISTS outbox_lane ON outbox (route, ${LANE}, id);
CREATE TABLE IF NOT EXISTS outbox_clock (one INTEGER PRIMARY KEY CHECK (one = 1), ran_ms INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO outbox_clock (one, ran_ms) VALUES (1, 0);
`;

/** A piece of news that is still to reach a route. */
export interface Delivery {
  /** Null for one that could not be written to disk: it is lost when the service ends. */
  id: number | null;
  news: News;
  attempts: number;
  /** When it was put in, in milliseconds of the service's running time: a clock that jumps changes nothing. */
  queuedMs: number;
  /** When it may be tried, or tried again, on the same clock. */
  dueMs: number;
}

/** What must arrive in order: news of one scope, refused attempts apart, as PagerDuty tells incidents apart. */
export function laneOf({ scope, kind }: News): string {
  return JSON.stringify([scope, kind === "refused"]);
}

interface Row {
  id: number;
  name: string;
  news: string;
  attempts: number;
  queued_ms: number;
}

/** The outbox's tables. All of it is synchronous; what it throws is SQLite's. */
export class OutboxRows {
  readonly #statement: Record<"insert" | "heads" | "newest" | "attempt" | "remove" | "others" | "count", Statement>;
  readonly #clock: { read: Statement; write: Statement };

  constructor(database: OutboxDatabase) {
    this.#statement = {
      insert: database.prepare("INSERT INTO outbox (route, name, news, queued_ms) VALUES (?, ?, ?, ?)"),
      heads: database.prepare(
        `SELECT * FROM outbox WHERE id IN (
          SELECT MIN(id) FROM outbox WHERE route = ? AND id NOT IN (SELECT value FROM json_each(?)) GROUP BY ${LANE}
        ) ORDER BY id`,
      ),
      newest: database.prepare("SELECT COALESCE(MAX(id), 0) AS id FROM outbox WHERE route = ?"),
      attempt: database.prepare("UPDATE outbox SET attempts = ? WHERE id = ?"),
      remove: database.prepare("DELETE FROM outbox WHERE id = ?"),
      others: database.prepare(
        "SELECT * FROM outbox WHERE route NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT 1000",
      ),
      count: database.prepare("SELECT COUNT(*) AS rows FROM outbox"),
    };
    this.#clock = {
      // It is written down with failures alone: what was put in since then was put in later.
      read: database.prepare(
        "SELECT MAX(ran_ms, (SELECT COALESCE(MAX(queued_ms), 0) FROM outbox)) AS ran_ms FROM outbox_clock",
      ),
      write: database.prepare("UPDATE outbox_clock SET ran_ms = MAX(ran_ms, ?)"),
    };
  }

  insert(route: { key: string; name: string }, news: News, queuedMs: number): void {
    this.#statement.insert.run(route.key, route.name, JSON.stringify(news), Math.floor(queuedMs));
  }

  /** The oldest delivery of each of a route's lanes, without these ids; the oldest first. */
  heads(key: string, without: readonly number[]): (Delivery & { id: number })[] {
    return (this.#statement.heads.all(key, JSON.stringify(without)) as Row[]).map(deliveryOf);
  }

  /** The id of the route's newest row: later ones are larger. */
  newest(key: string): number {
    return (this.#statement.newest.get(key) as { id: number }).id;
  }

  attempted(id: number, attempts: number, ranMs: number): void {
    this.#statement.attempt.run(attempts, id);
    this.#clock.write.run(Math.round(ranMs));
  }

  remove(id: number): void {
    this.#statement.remove.run(id);
  }

  /** Deliveries for routes that are not among these; at most 1,000. */
  ofOthers(keys: readonly string[]): { delivery: Delivery & { id: number }; name: string }[] {
    const rows = this.#statement.others.all(JSON.stringify(keys)) as Row[];
    return rows.map((row) => ({ delivery: deliveryOf(row), name: row.name }));
  }

  count(): number {
    return (this.#statement.count.get() as { rows: number }).rows;
  }

  /** How long the service has run in all, as far as that can be known; milliseconds. */
  ranMs(): number {
    return (this.#clock.read.get() as { ran_ms: number }).ran_ms;
  }
}

type Statement = ReturnType<OutboxDatabase["prepare"]>;

function deliveryOf({ id, news, attempts, queued_ms: queuedMs }: Row): Delivery & { id: number } {
  return { id, news: JSON.parse(news) as News, attempts, queuedMs, dueMs: queuedMs };
}
