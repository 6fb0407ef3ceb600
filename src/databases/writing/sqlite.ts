import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Database, Statement } from "libsql";
import { errorCode } from "../../doors/words.ts";
import { sqlitePath } from "../address.ts";
import { DatabaseFailed, type Parameter } from "../database.ts";
import { sqliteWords } from "../sqlite.ts";
import type { Answer, WriterOptions, WritingConnection, WritingDriver } from "./writer.ts";

/** Waiting for another's lock is done between calls: libsql's own wait would hold the event loop. */
const FIRST_RETRY_MS = 1;
const LONGEST_RETRY_MS = 20;
/** Pages that the write-ahead log gathers before they go into the file: four times SQLite's own number, for fewer syncs. */
const CHECKPOINT_PAGES = 4_000;

async function connect(url: string, options: WriterOptions): Promise<WritingConnection> {
  const file = resolve(options.directory ?? "", sqlitePath(url));
  if (!options.create && !existsSync(file)) throw new DatabaseFailed(`${sqlitePath(url)} does not exist`);
  const { default: Libsql } = await import("libsql");
  const database = new Libsql(file);
  try {
    await settle(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
  const statements = new Map<string, Statement<unknown[]>>();
  const prepared = (text: string): Statement<unknown[]> => {
    const known = statements.get(text) ?? database.prepare(text);
    statements.set(text, known);
    return known;
  };
  return {
    begin: "begin immediate",
    run: <Row extends object>(text: string, parameters: readonly Parameter[] = []) =>
      patiently(options.timeoutMs, () => answer<Row>(prepared(text), parameters)),
    unsynced: () => Promise.resolve(options.synchronous === "OFF" ? "the file is not synced" : null),
    broken: () => false,
    close: () => Promise.resolve(void database.close()),
    destroy: () => void database.close(),
  };
}

/** The journal's mode is the file's, and changing it needs the file for oneself a moment. */
async function settle(database: Database, { synchronous = "FULL", timeoutMs }: WriterOptions): Promise<void> {
  database.pragma("busy_timeout = 0");
  await patiently(timeoutMs, () => database.pragma("journal_mode = wal"));
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
}

function answer<Row extends object>(statement: Statement<unknown[]>, parameters: readonly Parameter[]): Answer<Row> {
  // The type of a row is the caller's knowledge: it wrote the statement.
  if (statement.reader) return { rows: statement.all(parameters) as Row[], changed: 0 };
  return { rows: [], changed: statement.run(parameters).changes };
}

/** Tries again, for half the limit, while another process holds the lock: then "locked" is said rather than "late". */
async function patiently<T>(limitMs: number, work: () => T): Promise<T> {
  const until = performance.now() + limitMs / 2;
  for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
    try {
      return work();
    } catch (error) {
      if (!errorCode(error).startsWith("SQLITE_BUSY") || performance.now() > until) throw error;
    }
    await pause(waitMs);
  }
}

/** A file that is no database, damaged or not to be opened stays so for every row; anything else is about the statement. */
const WHOLE_FILE = /^SQLITE_(?:NOTADB|CORRUPT|CANTOPEN|IOERR|READONLY|BUSY|LOCKED|FULL)/;

const codeOf = (error: unknown): string => errorCode(error);

/** SQLite through libsql in this process: a commit of a few rows takes no longer than a message to another one. */
export const sqliteWriting: WritingDriver = {
  connect,
  refused: (error) => codeOf(error).startsWith("SQLITE") && !WHOLE_FILE.test(codeOf(error)),
  words: (error, { url }) =>
    error instanceof Error ? sqliteWords({ code: codeOf(error), message: error.message }, sqlitePath(url)) : null,
};
