import type { Connection as MysqlConnection, ConnectionOptions } from "mysql2/promise";
import { errorCode } from "../doors/words.ts";
import { serverAddress } from "./address.ts";
import type { Connection, Driver, OpenOptions, Parameter } from "./database.ts";
import { lateWords } from "./deadline.ts";
import { networkWords } from "./network-words.ts";

const DEFAULT_PORT = 3306;
/** Of MariaDB and of MySQL; mysql2 has no name for the first. */
const TIMED_OUT: ReadonlySet<unknown> = new Set([1969, 3024]);

async function connect(
  url: string,
  options: OpenOptions,
  destroyLater: (destroy: () => void) => void,
): Promise<Connection> {
  const { connection, raw } = await connectionTo(url, destroyLater);
  await prepare(connection, options);
  const readOnly = options.mode === "read-only";
  return {
    run: (sql, parameters) =>
      readOnly ? runAndRollBack(connection, sql, parameters) : run(connection, sql, parameters),
    close: () => connection.end(),
    destroy: () => raw.destroy(),
  };
}

/** A connection that breaks without ending the process. */
export async function connectionTo(url: string, destroyLater: (destroy: () => void) => void) {
  const settings = settingsFrom(serverAddress(url));
  const { createConnection } = await import("mysql2");
  const raw = createConnection(settings);
  destroyLater(() => raw.destroy());
  // What breaks while nothing is asked shows in the next answer; without a listener it would end the process.
  raw.on("error", () => undefined);
  const connection = raw.promise();
  await connection.connect();
  return { connection, raw };
}

/** Taken from the URL one by one: mysql2 would take `multipleStatements` from it as well. */
function settingsFrom(address: URL): ConnectionOptions {
  const socket = address.searchParams.get("socket") ?? address.searchParams.get("socketPath");
  const database = decodeURIComponent(address.pathname.slice(1));
  return {
    ...(socket === null ? { host: address.hostname || "localhost", port: Number(address.port || DEFAULT_PORT) } : {}),
    ...(socket === null ? {} : { socketPath: socket }),
    ...(address.username === "" ? {} : { user: decodeURIComponent(address.username) }),
    ...(address.password === "" ? {} : { password: decodeURIComponent(address.password) }),
    ...(database === "" ? {} : { database }),
    ...(wantsTls(address.searchParams) ? { ssl: {} } : {}),
    multipleStatements: false,
    dateStrings: true,
    jsonStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  };
}

function wantsTls(query: URLSearchParams): boolean {
  const asked = query.get("ssl") ?? query.get("sslmode") ?? query.get("ssl-mode") ?? "false";
  return !["false", "0", "disable", "disabled"].includes(asked.toLowerCase());
}

async function prepare(connection: MysqlConnection, { mode, statementTimeoutMs }: OpenOptions): Promise<void> {
  if (mode === "read-only") await connection.query("set session transaction read only");
  await connection.query("set time_zone = '+00:00'");
  const [rows] = await connection.query("select version() as version");
  // MariaDB counts in seconds, MySQL in milliseconds and for SELECT alone.
  const limit = JSON.stringify(rows).includes("MariaDB")
    ? `max_statement_time = ${statementTimeoutMs / 1_000}`
    : `max_execution_time = ${Math.ceil(statementTimeoutMs)}`;
  await connection.query(`set session ${limit}`);
}

/** What MySQL does not prepare, and needs not. */
const UNPREPARED: ReadonlySet<string> = new Set(["start transaction", "commit", "rollback"]);

async function run(connection: MysqlConnection, sql: string, parameters: readonly Parameter[]): Promise<object[]> {
  if (UNPREPARED.has(sql)) {
    await connection.query(sql);
    return [];
  }
  const bound = parameters.map((parameter) => (parameter instanceof Uint8Array ? Buffer.from(parameter) : parameter));
  const [rows] = await connection.execute(sql, bound);
  // A statement that gives no rows answers with a header instead.
  return Array.isArray(rows) ? rows : [];
}

async function runAndRollBack(
  connection: MysqlConnection,
  sql: string,
  parameters: readonly Parameter[],
): Promise<object[]> {
  await connection.query("start transaction read only");
  try {
    return await run(connection, sql, parameters);
  } finally {
    await connection.query("rollback");
  }
}

const words: Driver["words"] = (error, { url, limitMs }) =>
  networkWords(error, url, DEFAULT_PORT) ?? (error instanceof Error ? serverWords(error, limitMs) : null);

function serverWords(error: Error, limitMs: number): string | null {
  if ("errno" in error && TIMED_OUT.has(error.errno)) return lateWords(limitMs);
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  switch (errorCode(error)) {
    case "ER_NO_SUCH_TABLE":
      // The database's name stands before it, and the report has that already.
      return `table ${quoted.slice(quoted.indexOf(".") + 1)} does not exist`;
    case "ER_BAD_FIELD_ERROR":
      return `column ${quoted} does not exist`;
    case "ER_BAD_DB_ERROR":
      return `database ${quoted} does not exist`;
    case "ER_ACCESS_DENIED_ERROR":
    case "ER_ACCESS_DENIED_NO_PASSWORD_ERROR":
      return `password authentication failed for user ${quoted}`;
    case "ER_LOCK_WAIT_TIMEOUT":
      return "the database is locked";
    case "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION":
      return "the statement writes, and the database is opened read-only";
    case "ER_CON_COUNT_ERROR":
      return "the database takes no more connections";
    case "ER_SERVER_SHUTDOWN":
      return "the database is shutting down";
    case "HANDSHAKE_NO_SSL_SUPPORT":
      return "the database does not offer TLS";
    default:
      return "sqlMessage" in error ? `the database refused: ${error.message}` : null;
  }
}

/** MySQL and MariaDB through mysql2; every statement is prepared, which takes one statement at a time. */
export const mysql: Driver = { connect, words, graceMs: 500 };
