import type { Secrets } from "../config/secrets.ts";

export type Dialect = "sqlite" | "postgres" | "mysql";

/** What may be put in a statement's `?` or `$1`. */
export type Parameter = string | number | bigint | boolean | null | Uint8Array;

/**
 * What a column holds, as near to the database's own form as its driver allows: dates, times, JSON, decimals and
 * integers beyond 32 bits are text (SQLite's integers are bigint), bytes are a Uint8Array.
 */
export type Value = string | number | bigint | boolean | null | Uint8Array;

export interface OpenOptions {
  mode: "read-only" | "read-write";
  /** Limit of connecting and of each statement, in milliseconds. */
  statementTimeoutMs: number;
  /** Folder that relative `sqlite:` paths start from. */
  directory: string;
  /** Ends the connection, and SQLite's process, at once. */
  signal?: AbortSignal | undefined;
  secrets: Secrets;
}

/** An open database of any of the three dialects. Statements run one after the other; every method throws DatabaseFailed. */
export interface Database {
  readonly dialect: Dialect;
  /** As reports show it: no user, no password, no query. */
  readonly shown: string;
  /** Runs one statement, in its own transaction. Placeholders are the dialect's: `$1` in PostgreSQL, `?` elsewhere. */
  query<Row extends object = Record<string, Value>>(sql: string, parameters?: readonly Parameter[]): Promise<Row[]>;
  /** A name, or `schema.table`, as this dialect quotes it: whatever it holds, it stays a name. */
  quote(identifier: string): string;
  /** Waits for what runs, then closes; never throws. */
  close(): Promise<void>;
}

/** What a driver does; `openDatabase` adds the order, the time limit, the words and the redaction. */
export interface Connection {
  run(sql: string, parameters: readonly Parameter[]): Promise<object[]>;
  close(): Promise<void>;
  /** Ends the connection at once, whatever runs on it. */
  destroy(): void;
}

/** A driver: how its dialect is opened and how its errors read. */
export interface Driver {
  /** `destroyLater` is told how to end a connection that is still being made. */
  connect(url: string, options: OpenOptions, destroyLater: (destroy: () => void) => void): Promise<Connection>;
  /** The error in words for a person, without a stack; null where the driver does not know it. */
  words(error: unknown, about: { url: string; limitMs: number }): string | null;
  /** How much longer than the statement's limit to wait for the server's own "time is over"; milliseconds. */
  graceMs: number;
}

/** The database could not be opened or did not do what it was asked; `why` is for a person, redacted, without a stack. */
export class DatabaseFailed extends Error {
  override name = "DatabaseFailed";
  readonly why: string;
  constructor(why: string) {
    super(why);
    this.why = why;
  }
}
