import { dialectOf } from "./address.ts";
import type { Database, Dialect, OpenOptions, Parameter, Value } from "./database.ts";

export type SessionOptions = Omit<OpenOptions, "mode">;

/**
 * One connection that reads and writes, with transactions: rows can be locked, compared and changed before anybody else
 * gets at them. Statements run one after the other; every method throws DatabaseFailed.
 */
export interface Session {
  readonly dialect: Dialect;
  /** As reports show it: no user, no password, no query. */
  readonly shown: string;
  /** Runs one statement; its text is prepared once. Placeholders are the dialect's: `$1` in PostgreSQL, `?` elsewhere. */
  query<Row extends object = Record<string, Value>>(sql: string, parameters?: readonly Parameter[]): Promise<Row[]>;
  /**
   * Runs work in a transaction that is committed when it resolves to `commit: true`, else rolled back; so it is where it
   * throws. One at a time.
   */
  transaction<T extends { commit: boolean }>(work: () => Promise<T>): Promise<T>;
  /** Closes; never throws. */
  close(): Promise<void>;
}

/** Opens `sqlite:PATH`, `postgres://…` or `mysql://…` for reading and writing. Throws DatabaseFailed. */
export async function openSession(url: string, options: SessionOptions): Promise<Session> {
  const dialect = dialectOf(url);
  if (dialect === "sqlite") return (await import("./sqlite-session.ts")).openSqliteSession(url, options);
  const { openDatabase } = await import("./open.ts");
  const database = await openDatabase(url, { ...options, mode: "read-write" });
  try {
    for (const statement of PREPARED[dialect]) await database.query(statement);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new ServerSession(database);
}

/** What makes a value's text the same whatever the server's or the role's settings, and keeps every digit of it. */
const PREPARED: Record<Exclude<Dialect, "sqlite">, readonly string[]> = {
  postgres: [
    "set extra_float_digits = 3",
    "set bytea_output = 'hex'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set lc_monetary = 'C'",
  ],
  mysql: [],
};

class ServerSession implements Session {
  readonly dialect: Dialect;
  readonly shown: string;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    this.dialect = database.dialect;
    this.shown = database.shown;
  }

  query<Row extends object = Record<string, Value>>(
    sql: string,
    parameters: readonly Parameter[] = [],
  ): Promise<Row[]> {
    return this.#database.query<Row>(sql, parameters);
  }

  async transaction<T extends { commit: boolean }>(work: () => Promise<T>): Promise<T> {
    await this.query("start transaction");
    let commit = false;
    try {
      const result = await work();
      commit = result.commit;
      if (commit) await this.query("commit");
      return result;
    } finally {
      // What broke the work may have broken the connection as well: then the server has rolled back by itself.
      if (!commit) await this.query("rollback").catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
