import type { Client, DatabaseError } from "pg";
import { errorCode } from "../doors/words.ts";
import { serverAddress } from "./address.ts";
import type { Connection, Driver, OpenOptions, Parameter } from "./database.ts";
import { lateWords } from "./deadline.ts";
import { networkWords } from "./network-words.ts";

const DEFAULT_PORT = 5432;
/** bool, bytea, int2, int4, float4, float8: the types whose JavaScript form loses nothing. All others stay text. */
const PARSED = new Set([16, 17, 21, 23, 700, 701]);

async function connect(
  url: string,
  options: OpenOptions,
  destroyLater: (destroy: () => void) => void,
): Promise<Connection> {
  const client = await clientFor(url);
  // With a statement on its way, `end` closes the socket at once.
  const destroy = (): void => void client.end().catch(() => undefined);
  destroyLater(destroy);
  await client.connect();
  await prepare(client, options);
  const readOnly = options.mode === "read-only";
  return {
    run: (sql, parameters) => (readOnly ? runAndRollBack(client, sql, parameters) : run(client, sql, parameters)),
    close: () => client.end(),
    destroy,
  };
}

/** A client that is not connected yet, and that breaks without ending the process. */
export async function clientFor(url: string): Promise<Client> {
  serverAddress(url);
  const { default: pg } = await import("pg");
  const client = new pg.Client({
    connectionString: url.trim(),
    application_name: "clawproof",
    types: { getTypeParser: (oid: number, format?: "text" | "binary") => parserOf(pg.types, oid, format) },
  });
  // What breaks while nothing is asked shows in the next answer; without a listener it would end the process.
  client.on("error", () => undefined);
  return client;
}

type Parse = (text: string) => unknown;

function parserOf(types: typeof import("pg").types, oid: number, format?: "text" | "binary"): Parse {
  const asText: Parse = (text) => text;
  return PARSED.has(oid) && format !== "binary" ? (types.getTypeParser(oid, "text") as Parse) : asText;
}

async function prepare(client: Client, { mode, statementTimeoutMs }: OpenOptions): Promise<void> {
  if (mode === "read-only") await client.query("set default_transaction_read_only = on");
  await client.query(`set statement_timeout = ${Math.ceil(statementTimeoutMs)}`);
  await client.query("set timezone = 'UTC'");
  // Compiling a long list of counts takes longer than counting five million rows. Versions before 11 have no such setting.
  await client.query("select set_config(name, 'off', false) from pg_settings where name = 'jit'");
}

async function run(client: Client, text: string, parameters: readonly Parameter[]): Promise<object[]> {
  // `extended` also where there are no parameters: pg would then send a simple query, which takes several statements.
  const extended = { text, values: [...parameters], queryMode: "extended" };
  return (await client.query<object>(extended)).rows;
}

async function runAndRollBack(client: Client, text: string, parameters: readonly Parameter[]): Promise<object[]> {
  await client.query("begin read only");
  try {
    return await run(client, text, parameters);
  } finally {
    // Never committed: what a read-only transaction does let through (a large object, a notification) is undone.
    await client.query("rollback");
  }
}

const words: Driver["words"] = (error, { url, limitMs }) =>
  networkWords(error, url, DEFAULT_PORT) ?? (isServerError(error) ? serverWords(error, limitMs) : clientWords(error));

const NAMED = /"([^"]+)"/;

function serverWords(error: DatabaseError, limitMs: number): string {
  const name = NAMED.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "42P01":
      return `table ${name} does not exist`;
    case "42703":
      return `column ${columnIn(error.message)} does not exist`;
    case "3D000":
      return `database ${name} does not exist`;
    case "3F000":
      return `schema ${name} does not exist`;
    case "28P01":
    case "28000":
      return error.message.replaceAll('"', "");
    case "25006":
      return `the statement writes, and the database is opened read-only (${error.message})`;
    case "42601":
      return /multiple commands/.test(error.message)
        ? "the query holds more than one statement"
        : `the database refused: ${error.message}`;
    case "57014":
      return lateWords(limitMs);
    case "42501":
      return error.message;
    case "57P01":
    case "57P02":
      return "the database is shutting down";
    case "53300":
      return "the database takes no more connections";
    default:
      return `the database refused: ${error.message}`;
  }
}

/** `column "x" does not exist`, but `column t.x does not exist`. */
const columnIn = (message: string): string => /^column "?(.+?)"? does not exist/.exec(message)?.[1] ?? "";

function clientWords(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if (/connection terminated|is not queryable/i.test(error.message)) return "the database closed the connection";
  if (/does not support SSL/i.test(error.message)) return "the database does not offer TLS";
  if (/SCRAM|password must be a string/i.test(error.message))
    return "the database asks for a password, and none is set";
  return null;
}

/** Whether the server itself answered with an error. */
export function isServerError(error: unknown): error is DatabaseError {
  return error instanceof Error && /^[0-9A-Z]{5}$/.test(errorCode(error)) && "severity" in error;
}

/** PostgreSQL through pg; every statement goes by the extended protocol, which takes one statement at a time. */
export const postgres: Driver = { connect, words, graceMs: 500 };
