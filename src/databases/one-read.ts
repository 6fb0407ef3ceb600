import { DatabaseFailed, type Dialect } from "./database.ts";

/** A query begins like this, after white space, comments and brackets. */
const READS = /^(?:\s|--[^\n]*(?:\n|$)|\/\*(?!!)[\s\S]*?\*\/|\()*(?:select|with|values)\b/i;
/** MySQL's read-only transactions let a SELECT write files on the server. */
const INTO_FILE = /\binto\s+(?:outfile|dumpfile)\b/i;
/** SQLite's texts, names and comments, in which a semicolon is none. */
const SQLITE_OPAQUE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

/**
 * Refuses what a read-only transaction lets through: COPY … TO PROGRAM, ATTACH and PRAGMA, INTO OUTFILE, SET; and, where
 * the driver would drop it in silence (SQLite), a second statement. Throws DatabaseFailed.
 */
export function refuseAllButOneRead(dialect: Dialect, sql: string): void {
  if (!READS.test(sql)) throw new DatabaseFailed("only a query that reads may run here (select, with, values)");
  if (dialect === "mysql" && INTO_FILE.test(sql)) {
    throw new DatabaseFailed("the query writes a file (into outfile); only reading is allowed");
  }
  if (dialect === "sqlite" && /;\s*\S/.test(sql.replace(SQLITE_OPAQUE, " "))) {
    throw new DatabaseFailed("the query holds more than one statement");
  }
}
