import { dialectOf } from "./address.ts";
import {
  type Database,
  DatabaseFailed,
  type Dialect,
  type OpenOptions,
  type Parameter,
  type Value,
} from "./database.ts";

export interface SessionOptions extends Omit<OpenOptions, "mode"> {
  /** Whoever only looks cannot write, by a mistake of ours neither: transactions are refused, and so is every write. */
  readOnly?: boolean | undefined;
}

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

/** Opens `sqlite:PATH`, `postgres://…` or `mysql://…` for reading and writing, or for reading alone. Throws DatabaseFailed. */
export async function openSession(url: string, options: SessionOptions): Promise<Session> {
  const dialect = dialectOf(url);
  const { readOnly = false } = options;
  if (dialect === "sqlite" && !readOnly) {
    return (await import("./sqlite-session.ts")).openSqliteSession(url, options);
  }
  const { openDatabase } = await import("./open.ts");
  // On a server the statements below are no reads, so what follows them is made so by the last.
  const database = await openDatabase(url, { ...options, mode: dialect === "sqlite" ? "read-only" : "read-write" });
  const statements = dialect === "sqlite" ? [] : [...PREPARED[dialect], ...(readOnly ? [READ_ONLY[dialect]] : [])];
  try {
    for (const statement of statements) await database.query(statement);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new DatabaseSession(database, readOnly);
}

/** What makes a value's text the same whatever the server's or the role's settings, and lets every value be put back. */
const PREPARED: Record<Exclude<Dialect, "sqlite">, readonly string[]> = {
  postgres: [
    "set extra_float_digits = 3",
    "set bytea_output = 'hex'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set lc_monetary = 'C'",
  ],
  // A 0 in an `auto_increment` column stays one, and dates that were once let in (0000-00-00) can be put back. Whether a
  // value that does not fit is refused stays the server's choice.
  mysql: [
    "set session sql_mode = concat(if(@@sql_mode like '%STRICT%', 'STRICT_TRANS_TABLES,', ''), 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO')",
  ],
};

const READ_ONLY: Record<Exclude<Dialect, "sqlite">, string> = {
  postgres: "set default_transaction_read_only = on",
  mysql: "set session transaction read only",
};

class DatabaseSession implements Session {
  readonly dialect: Dialect;
  readonly shown: string;
  readonly #database: Database;
  readonly #readOnly: boolean;

  constructor(database: Database, readOnly: boolean) {
    this.#database = database;
    this.#readOnly = readOnly;
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
    if (this.#readOnly) throw new DatabaseFailed("the database is opened to be read alone");
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
