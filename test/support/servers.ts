import { randomBytes } from "node:crypto";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, beforeEach } from "vitest";

/**
 * The database servers that tests ask. Each suite gets a schema of its own, dropped afterwards. Where a server does not
 * answer, its tests are skipped with a line that says so; with CI=true they fail.
 */

export type ServerName = "PostgreSQL" | "MariaDB";

const SERVERS = {
  PostgreSQL: { variable: "CLAWPROOF_TEST_POSTGRES", url: "postgres://postgres@127.0.0.1:5432/test" },
  MariaDB: { variable: "CLAWPROOF_TEST_MARIADB", url: "mysql://root@127.0.0.1:3306/test" },
};

export interface TestServer {
  url: string;
  /** A schema that belongs to this suite alone; in MariaDB a database. */
  schema: string;
  /** Runs statements as the server's administrator, one after the other; gives the rows of the last. */
  run: (...statements: string[]) => Promise<Record<string, unknown>[]>;
}

/** Says inside a `describe` that its tests need a server, and how to set up what they read there. */
export function needs(name: ServerName, setUp?: (server: TestServer) => Promise<void>): TestServer {
  const { variable, url: usual } = SERVERS[name];
  const url = process.env[variable] ?? usual;
  const schema = `clawproof_${randomBytes(5).toString("hex")}`;
  const run = (...statements: string[]) => runOn(name, url, statements);
  const server: TestServer = { url, schema, run };
  let missing: string | null = null;
  let skipped = 0;
  beforeAll(async () => {
    missing = await run("select 1").then(
      () => null,
      (error: unknown) => `need ${name} (${reason(error)} at ${new URL(url).host}; ${variable} names another)`,
    );
    if (missing !== null) return;
    await run(`create schema ${schema}`);
    await setUp?.(server);
  });
  beforeEach(({ skip }) => {
    if (missing === null) return;
    if (process.env["CI"] === "true") throw new Error(missing);
    skipped++;
    skip(missing);
  });
  afterAll(async () => {
    if (skipped > 0) process.stderr.write(`${skipped} skipped: ${missing}\n`);
    if (missing === null) await run(name === "MariaDB" ? `drop schema ${schema}` : `drop schema ${schema} cascade`);
  });
  return server;
}

function reason(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

async function runOn(name: ServerName, url: string, statements: string[]): Promise<Record<string, unknown>[]> {
  return name === "PostgreSQL" ? runOnPostgres(url, statements) : runOnMariaDb(url, statements);
}

async function runOnPostgres(url: string, statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

async function runOnMariaDb(url: string, statements: string[]): Promise<Record<string, unknown>[]> {
  const connection = await createConnection(url);
  try {
    let rows: unknown = [];
    for (const statement of statements) [rows] = await connection.query(statement);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  } finally {
    await connection.end();
  }
}
