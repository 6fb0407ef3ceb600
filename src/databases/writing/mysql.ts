import type { Connection, ResultSetHeader } from "mysql2/promise";
import type { Parameter } from "../database.ts";
import { connectionTo, mysql } from "../mysql.ts";
import type { Answer, WriterOptions, WritingConnection, WritingDriver } from "./writer.ts";

/** What the prepared protocol does not take. */
const PLAIN: ReadonlySet<string> = new Set(["start transaction", "commit", "rollback"]);

async function connect(
  url: string,
  { timeoutMs }: WriterOptions,
  destroyLater: (destroy: () => void) => void,
): Promise<WritingConnection> {
  const { connection, raw } = await connectionTo(url, destroyLater);
  let broken = false;
  for (const event of ["end", "error"]) raw.on(event, () => (broken = true));
  await prepare(connection, timeoutMs);
  return {
    begin: "start transaction",
    async run<Row extends object>(text: string, parameters: readonly Parameter[] = []): Promise<Answer<Row>> {
      const bound = parameters.map((one) => (one instanceof Uint8Array ? Buffer.from(one) : one));
      const [answer] = PLAIN.has(text) ? await connection.query(text) : await connection.execute(text, bound);
      // The type of a row is the caller's knowledge: it wrote the statement.
      if (Array.isArray(answer)) return { rows: answer as Row[], changed: 0 };
      return { rows: [], changed: (answer as ResultSetHeader).affectedRows };
    },
    unsynced: () => unsynced(connection),
    broken: () => broken,
    close: () => connection.end(),
    destroy: () => raw.destroy(),
  };
}

async function prepare(connection: Connection, timeoutMs: number): Promise<void> {
  await connection.query("set time_zone = '+00:00'");
  // Too long a value is an error, never cut short.
  await connection.query(
    "set session sql_mode = concat_ws(',', @@sql_mode, 'STRICT_ALL_TABLES', 'NO_ENGINE_SUBSTITUTION')",
  );
  // Each statement sees what others have committed before it, as in the other two databases.
  await connection.query("set session transaction isolation level read committed");
  await connection.query(`set session innodb_lock_wait_timeout = ${Math.max(1, Math.floor(timeoutMs / 2_000))}`);
}

async function unsynced(connection: Connection): Promise<string | null> {
  const [rows] = await connection.query("select @@innodb_flush_log_at_trx_commit as flushed");
  const flushed = (rows as { flushed: number | string }[])[0]?.flushed;
  if (Number(flushed) === 1) return null;
  return `the server does not sync every commit (innodb_flush_log_at_trx_commit = ${String(flushed)})`;
}

const isFatal = (error: Error): boolean => "fatal" in error && error.fatal === true;

/** MySQL and MariaDB through mysql2, with prepared statements. */
export const mysqlWriting: WritingDriver = {
  connect,
  refused: (error) => error instanceof Error && "sqlState" in error && !isFatal(error),
  words: (error, about) => mysql.words(error, about),
};
