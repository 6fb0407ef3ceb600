import type { Dialect, Parameter } from "../database.ts";
import { DatabaseFailed } from "../database.ts";

export interface Answer<Row extends object = object> {
  /** Of a statement that gives any. */
  rows: Row[];
  /** How many rows a write met. */
  changed: number;
}

/** Runs one prepared statement; its placeholders are the dialect's. */
export type Run = <Row extends object = object>(
  statement: string,
  parameters?: readonly Parameter[],
) => Promise<Answer<Row>>;

/**
 * A database that stays open for many small durable writes. What is done resolves when it is on the disk; statements are
 * prepared once; a connection that broke is made anew by whoever asks next. Every method throws DatabaseFailed.
 */
export interface Writer {
  readonly dialect: Dialect;
  /** As reports show it: no user, no password, no query. */
  readonly shown: string;
  /** One statement in its own transaction. */
  run: Run;
  /** All that `work` runs, in one transaction; what it throws rolls everything back. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>;
  /** Why what is committed may not outlive the machine (the server does not sync), in words; null where it does. */
  unsynced(): Promise<string | null>;
  /** Waits for what runs, then closes; never throws. */
  close(): Promise<void>;
}

export interface WriterOptions {
  /** Folder that relative `sqlite:` paths start from; left out: the working directory. */
  directory?: string | undefined;
  /** Limit of connecting and of each transaction, waiting for locks included; milliseconds. */
  timeoutMs: number;
  /** Whether a SQLite file that does not exist is made. */
  create: boolean;
  /** Benchmarks and tests alone: SQLite without syncing. */
  synchronous?: "FULL" | "OFF" | undefined;
}

/** What a dialect does; `openWriter` adds order, reconnecting, the time limit and the words. */
export interface WritingConnection {
  run: Run;
  /** How a transaction that will write begins. */
  begin: string;
  unsynced(): Promise<string | null>;
  /** Whether it is known to have ended: the server went away while nothing was asked. */
  broken(): boolean;
  close(): Promise<void>;
  /** Ends it at once. */
  destroy(): void;
}

export interface WritingDriver {
  connect(url: string, options: WriterOptions, destroyLater: (destroy: () => void) => void): Promise<WritingConnection>;
  /** Whether the database answered, refused this statement, and goes on. */
  refused(error: unknown): boolean;
  words(error: unknown, about: { url: string; limitMs: number }): string | null;
}

/** The database works, and refused this: nothing of the transaction happened, and another one may succeed. */
export class StatementRefused extends DatabaseFailed {
  override name = "StatementRefused";
}
