// What the ledger's benchmarks share: the ledger as Node can run it, places for it, and actions of one size.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { ROOT } from "./support.mjs";

/** Where the packages that are not bundled are found. */
const BUILT = join(ROOT, "node_modules", ".cache", "clawproof-bench");
/** As for the tests: names other servers than those on this machine. */
const POSTGRES = process.env.CLAWPROOF_TEST_POSTGRES ?? "postgres://postgres@127.0.0.1:5432/test";
const MARIADB = process.env.CLAWPROOF_TEST_MARIADB ?? "mysql://root@127.0.0.1:3306/test";

/** Bundles a TypeScript file of ours; gives the path of what Node can run. */
export async function built(entry, name) {
  const outfile = join(BUILT, `${name}.mjs`);
  await build({
    entryPoints: [join(ROOT, entry)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  return outfile;
}

/**
 * A database for one benchmark alone; `url` is its address, `end` drops it.
 * @returns {Promise<{ url: string, end: () => Promise<void> } | { why: string }>}
 */
export async function place(dialect) {
  const name = `clawproof_bench_${randomBytes(5).toString("hex")}`;
  if (dialect === "sqlite") {
    const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
    return { url: `sqlite:${join(folder, "actions.db")}`, end: () => rm(folder, { recursive: true, force: true }) };
  }
  try {
    return dialect === "postgres" ? await postgresSchema(name) : await mariaSchema(name);
  } catch (error) {
    return { why: `no ${dialect} here: ${error.code ?? error.message}` };
  }
}

async function postgresSchema(name) {
  const client = new pg.Client({ connectionString: POSTGRES });
  await client.connect();
  await client.query(`create schema ${name}`);
  const url = new URL(POSTGRES);
  url.searchParams.set("options", `-csearch_path=${name}`);
  const end = async () => {
    await client.query(`drop schema ${name} cascade`);
    await client.end();
  };
  return { url: url.href, end };
}

async function mariaSchema(name) {
  const connection = await createConnection(MARIADB);
  await connection.query(`create schema ${name}`);
  const url = new URL(MARIADB);
  url.pathname = `/${name}`;
  const end = async () => {
    await connection.query(`drop schema ${name}`);
    await connection.end();
  };
  return { url: url.href, end };
}

const STATE = { plan: "pro", status: "cancelled", price: "29.00", currency: "EUR", updated_at: "2026-11-27T12:00:00Z" };

let number = 0;

/** An action as agents record them: some 600 bytes a row. */
export function action() {
  number++;
  const id = String(number);
  return {
    trace_id: randomBytes(16).toString("hex"),
    agent: "subscription-support",
    version: "2.4.1",
    type: ["subscription_update", "email_send", "db_update"][number % 3],
    effect: "write",
    target: `subscription/${number % 5_000}`,
    subject: `customer/${number % 3_000}`,
    epoch: 12,
    before: { id, ...STATE },
    undo: { form: "sql", key: { id } },
    captured: [{ id, ...STATE }],
    undo_class: "reversible",
  };
}

export const outcome = () => ({
  status: "done",
  after: { id: String(number), ...STATE, status: "active" },
  reference: `ref-${number}`,
});
