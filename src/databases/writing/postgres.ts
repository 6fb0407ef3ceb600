import { createHash } from "node:crypto";
import type { Client } from "pg";
import type { Parameter } from "../database.ts";
import { clientFor, isServerError, postgres } from "../postgres.ts";
import type { Answer, WriterOptions, WritingConnection, WritingDriver } from "./writer.ts";

async function connect(
  url: string,
  { timeoutMs }: WriterOptions,
  destroyLater: (destroy: () => void) => void,
): Promise<WritingConnection> {
  const client = await clientFor(url);
  const destroy = (): void => void client.end().catch(() => undefined);
  destroyLater(destroy);
  let broken = false;
  for (const event of ["end", "error"] as const) client.on(event, () => (broken = true));
  await client.connect();
  await prepare(client, timeoutMs);
  const names = new Map<string, string>();
  return {
    begin: "begin",
    async run<Row extends object>(text: string, parameters: readonly Parameter[] = []): Promise<Answer<Row>> {
      const name = names.get(text) ?? nameOf(text);
      names.set(text, name);
      const { rows, rowCount } = await client.query<Row>({ name, text, values: [...parameters] });
      return { rows, changed: rowCount ?? 0 };
    },
    unsynced: () => unsynced(client),
    broken: () => broken,
    close: () => client.end(),
    destroy,
  };
}

/**
 * What the planner must do without. A statement is planned while its table is small and then kept: a join by hashing would
 * go on reading the whole table, where each row that is given has an index to be found by.
 */
const UNWANTED = "'jit', 'enable_hashjoin', 'enable_mergejoin'";

async function prepare(client: Client, timeoutMs: number): Promise<void> {
  await client.query(`set statement_timeout = ${Math.ceil(timeoutMs)}`);
  // A commit is answered when it is on the disk, whatever this database or role has by default.
  await client.query(
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
  );
  await client.query(`select set_config(name, 'off', false) from pg_settings where name in (${UNWANTED})`);
}

/** The server keeps a statement under its name; the same text has the same one. */
const nameOf = (text: string): string => `clawproof_${createHash("sha1").update(text).digest("base64url")}`;

async function unsynced(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ fsync: string }>("show fsync");
  return rows[0]?.fsync === "off" ? "the server does not sync what it writes (fsync = off)" : null;
}

/** PostgreSQL through pg, each statement prepared under a name of its own. */
export const postgresWriting: WritingDriver = {
  connect,
  refused: (error) => isServerError(error) && error.severity === "ERROR",
  words: (error, about) => postgres.words(error, about),
};
