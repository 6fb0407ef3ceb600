// A rollback table of five million rows, with an index on the type column, judged on SQLite and PostgreSQL: the time of
// the whole program from start to end, and the longest stall of its event loop. Beside it, what one bare pass over the
// same table takes. The tables are made once, for this run alone, and dropped.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import Database from "libsql";
import pg from "pg";
import { inTurn, median, milliseconds, runAudit, seconds } from "./support.mjs";

const ROWS = 5_000_000;
const BOUND_MS = 5_000;
const STALL_BOUND_MS = 50;
/** As for the tests: names another server than the one on this machine. */
const POSTGRES = process.env.CLAWPROOF_TEST_POSTGRES ?? "postgres://postgres@127.0.0.1:5432/test";

const COLUMNS =
  "trace_id text not null, action_type text not null, previous_value text, external_id text, created_at text not null";
const PASS = "select count(previous_value) as held from";

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function records() {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  try {
    return [...(await onSqlite(folder)), ...(await onPostgres(folder))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onSqlite(folder) {
  const file = join(folder, "records.db");
  const database = new Database(file);
  try {
    // The rows are of twenty types and two rows a trace; one in a thousand lacks what was there before.
    database.exec(`pragma journal_mode = off; pragma synchronous = off; create table records (${COLUMNS});
      insert into records
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${ROWS})
        select printf('%032x', n / 2), 'type_' || (n % 20), case when n % 1000 > 0 then '{"seats":' || (n % 50) || '}' end,
          case when n % 3 = 0 then 'ext-' || n end, '2026-11-22T06:00:00Z' from numbers;
      create index records_by_type on records (action_type);`);
  } finally {
    database.close();
  }
  return judged("SQLite", folder, `sqlite:${file}`, "records", async () => barePassOnSqlite(file));
}

function barePassOnSqlite(file) {
  const database = new Database(file);
  try {
    return database.prepare(`${PASS} records`).get().held;
  } finally {
    database.close();
  }
}

async function onPostgres(folder) {
  const client = new pg.Client({ connectionString: POSTGRES });
  try {
    await client.connect();
  } catch (error) {
    return [
      skipped(`PostgreSQL does not answer (${error.code ?? error.message}; CLAWPROOF_TEST_POSTGRES names another)`),
    ];
  }
  const schema = `clawproof_bench_${randomBytes(5).toString("hex")}`;
  try {
    await fillPostgres(client, schema);
    const pass = async () => (await client.query(`${PASS} ${schema}.records`)).rows[0].held;
    return await judged("PostgreSQL", folder, POSTGRES, `${schema}.records`, pass);
  } finally {
    await client.query(`drop schema if exists ${schema} cascade`).finally(() => client.end());
  }
}

async function fillPostgres(client, schema) {
  await client.query("set client_min_messages = warning");
  await client.query(`create schema ${schema}`);
  await client.query(`create table ${schema}.records (${COLUMNS})`);
  await client.query(`insert into ${schema}.records
    select lpad(to_hex(n / 2), 32, '0'), 'type_' || (n % 20), case when n % 1000 > 0 then '{"seats":' || (n % 50) || '}' end,
      case when n % 3 = 0 then 'ext-' || n end, '2026-11-22T06:00:00Z' from generate_series(1, ${ROWS}) as numbers (n)`);
  await client.query(`create index records_by_type on ${schema}.records (action_type)`);
  // As autovacuum leaves a table that has stood for a while.
  await client.query(`vacuum analyze ${schema}.records`);
}

/** @returns {Promise<import("./support.mjs").Row[]>} */
async function judged(name, folder, database, table, pass) {
  const config = join(folder, `${name}.yaml`);
  await writeFile(config, JSON.stringify(configuration(database, table), null, 2));
  const [audits, passes] = await inTurn([() => judge(config), () => timed(pass)]);
  const wall = median(audits.map(({ wallMs }) => wallMs));
  const stall = Math.max(...audits.map(({ stallMs }) => stallMs));
  const what = `${ROWS / 1e6} million records on ${name}`;
  const peer = `one bare pass: ${seconds(median(passes))}`;
  return [
    { what, measured: seconds(wall), bound: `< ${seconds(BOUND_MS)}`, peer, met: wall < BOUND_MS },
    {
      what: `${what}: longest stall`,
      measured: milliseconds(stall),
      bound: `< ${milliseconds(STALL_BOUND_MS)}`,
      // What an idle loop suffers from the machine's other work is no stall of ours.
      peer: `an idle loop beside it: ${milliseconds(Math.max(...audits.map(({ idleStallMs }) => idleStallMs)))}`,
      met: stall < STALL_BOUND_MS,
    },
  ];
}

const configuration = (database, table) => ({
  version: 1,
  agent: { name: "bench" },
  rollback: {
    records: {
      database,
      table,
      columns: {
        trace: "trace_id",
        type: "action_type",
        previous: "previous_value",
        reference: "external_id",
        at: "created_at",
      },
    },
  },
});

async function judge(config) {
  const idle = monitorEventLoopDelay({ resolution: 1 });
  idle.enable();
  const audit = await runAudit(["--check", "05.5", "-c", config]);
  idle.disable();
  const [{ message }] = audit.report.suites[0].checks;
  // The lacks are counted, or the time is that of something else.
  if (!/lacks a previous value .* of 250000 records/.test(message))
    throw new Error(`the records were not judged: ${message}`);
  if (!(audit.stallMs > 0)) throw new Error("the event loop was not watched");
  return { ...audit, idleStallMs: idle.max / 1e6 };
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const skipped = (why) => ({
  what: "5 million records on PostgreSQL",
  measured: "-",
  bound: `< ${seconds(BOUND_MS)}`,
  peer: why,
  met: null,
});
