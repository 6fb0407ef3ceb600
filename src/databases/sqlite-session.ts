import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type Libsql from "libsql";
import { describeDatabase, sqlitePath } from "./address.ts";
import { DatabaseFailed, type Dialect, type Parameter, type Value } from "./database.ts";
import { fileOf, sqliteWords } from "./sqlite.ts";
import type { Session, SessionOptions } from "./session.ts";

const RETRY_MS = 10;

/**
 * Opens a SQLite file in this process: for statements that find their rows by a key, which take microseconds. Foreign
 * keys are enforced, so that taking back one row orphans no other. Throws DatabaseFailed.
 */
export async function openSqliteSession(url: string, options: SessionOptions): Promise<Session> {
  const written = sqlitePath(url);
  const path = await fileOf(resolve(options.directory, written), written);
  const { default: Database } = await import("libsql");
  const told = (error: unknown): DatabaseFailed => toldOf(error, url);
  try {
    // Never wait inside SQLite: its calls are synchronous, and the one who holds the lock may be in this very process.
    const database = new Database(`${pathToFileURL(path).href}?mode=rw`, { timeout: 0 });
    database.defaultSafeIntegers(true);
    database.exec("pragma foreign_keys = on");
    return new SqliteSession(database, describeDatabase(url), options, told);
  } catch (error) {
    throw told(error);
  }
}

function toldOf(error: unknown, url: string): DatabaseFailed {
  if (error instanceof DatabaseFailed) return error;
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  return new DatabaseFailed(sqliteWords({ code, message }, sqlitePath(url)));
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error &&
  ((("code" in error && String(error.code)) || "").startsWith("SQLITE_BUSY") ||
    error.message.includes("database is locked"));

class SqliteSession implements Session {
  readonly dialect: Dialect = "sqlite";
  readonly shown: string;
  readonly #database: Libsql.Database;
  readonly #options: SessionOptions;
  readonly #told: (error: unknown) => DatabaseFailed;
  readonly #statements = new Map<string, Libsql.Statement>();

  constructor(
    database: Libsql.Database,
    shown: string,
    options: SessionOptions,
    told: (error: unknown) => DatabaseFailed,
  ) {
    this.#database = database;
    this.shown = shown;
    this.#options = options;
    this.#told = told;
  }

  query<Row extends object = Record<string, Value>>(
    sql: string,
    parameters: readonly Parameter[] = [],
  ): Promise<Row[]> {
    return this.#patiently(() => {
      const statement = this.#prepared(sql);
      // What a row holds is the caller's knowledge: it wrote the statement.
      if (statement.reader) return statement.all(parameters) as Row[];
      statement.run(parameters);
      return [];
    });
  }

  async transaction<T extends { commit: boolean }>(work: () => Promise<T>): Promise<T> {
    await this.#patiently(() => this.#database.exec("begin immediate"));
    let commit = false;
    try {
      const result = await work();
      if (result.commit) await this.#patiently(() => this.#database.exec("commit"));
      commit = result.commit;
      return result;
    } finally {
      if (!commit && this.#database.inTransaction) this.#database.exec("rollback");
    }
  }

  async close(): Promise<void> {
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): Libsql.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Tries again while another holds the file, up to the statement's time limit. */
  async #patiently<T>(work: () => T): Promise<T> {
    const { statementTimeoutMs, signal } = this.#options;
    for (let waited = 0; ; waited += RETRY_MS) {
      if (signal?.aborted) throw new DatabaseFailed("interrupted");
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || waited >= statementTimeoutMs) throw this.#told(error);
      }
      await pause(RETRY_MS);
    }
  }
}
