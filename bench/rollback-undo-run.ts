import { join } from "node:path";
import Libsql from "libsql";
import { openSession } from "../src/databases/session.ts";
import { openLedger } from "../src/ledger/open.ts";
import { Handlers } from "../src/rollback/handlers.ts";
import { makePlan } from "../src/rollback/make-plan.ts";
import { Modules } from "../src/rollback/modules.ts";
import { runPlan } from "../src/rollback/run.ts";
import { Sessions } from "../src/rollback/sessions.ts";
import { createCapturer } from "../src/rollback/sql/capture.ts";

/** Run by rollback-undo.mjs; prints `[{ name, rows, ours, bare }]`, actions a second, the best of its rounds. */

const ACTIONS = 2_000;
const BATCH = 100;
const ROUNDS = 5;
/** Customers: many, with those that the agent changed scattered among them; or those alone, side by side on few pages. */
const TABLES = [
  { rows: 100_000, step: 7_919 },
  { rows: ACTIONS, step: 1 },
] as const;
/** What a subscription is: before the agent re-enrolled the customer, and after. */
const BEFORE = ["none", "cancelled", "0.00"];
const AFTER = ["plus", "active", "9.00"];
const directory = process.argv[2] ?? "";
const secrets = {
  get: () => Promise.reject(new Error("none")),
  has: async () => false,
  redact: (text: string) => text,
};
const options = { directory, secrets, statementTimeoutMs: 10_000 };

async function measure(
  name: string,
  url: string,
  { rows, step }: (typeof TABLES)[number],
): Promise<{ name: string; rows: number; actions: number; ours: number; bare: number }> {
  const idOf = (action: number): number => (action * step) % rows;
  const table = `accounts_${process.pid}`;
  const session = await openSession(url, options);
  const capturer = createCapturer(options);
  const ledger = await openLedger(`sqlite:${name}-${rows}.db`, { directory });
  const sessions = new Sessions(options);
  const context = { http: {}, directory, secrets, placeholders: {} };
  const handlers = new Handlers({
    configured: { change: { sql: { database: url, table, key: ["id"] } } },
    placeOf: () => "",
    kept: [],
    guard: null,
    modules: new Modules({ directory, env: {} }),
    context,
    keptContext: context,
    databaseOf: async (given) => given,
    irreversible: new Map(),
  });
  const isSqlite = session.dialect === "sqlite";
  const [plan, status, price, id] = isSqlite ? ["?", "?", "?", "?"] : ["$1", "$2", "$3", "$4"];
  const update = `update ${table} set plan = ${plan}, status = ${status}, price = ${price} where id = ${id}`;
  const changed = Array.from({ length: ACTIONS }, (_, action) => idOf(action)).join();
  const act = `update ${table} set plan = '${AFTER[0]}', status = '${AFTER[1]}', price = '${AFTER[2]}' where id in (${changed})`;
  const captured = (cell: string): string => (isSqlite ? `'${cell}'` : cell);
  await session.query(
    `create table ${table} (id integer primary key, name text, email text, plan text, status text, price text, updated_at text)`,
  );
  for (const column of ["status", "email"])
    await session.query(`create index ${table}_${column} on ${table} (${column})`);
  await session.query(
    `insert into ${table} with recursive ids (id) as (select 0 union all select id + 1 from ids where id < ${rows - 1})
     select id, 'Customer Number ' || id, 'customer' || id || '@example.com', '${BEFORE.join("', '")}', '2026-11-27T12:00:00Z'
     from ids`,
  );
  let [ours, bare] = [0, 0];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const trace = `round-${round}`;
      const action = { trace_id: trace, agent: "a", type: "change", effect: "write", undo: { form: "sql" } } as const;
      await Promise.all(
        Array.from({ length: ACTIONS }, async (_, index) => {
          const id = idOf(index);
          const found = await capturer.before({ database: url, table }, { id });
          const after = found.before.map((row) => [...row.slice(0, 3), ...AFTER.map(captured), ...row.slice(6)]);
          const begun = await ledger.begin({ ...action, target: String(id), captured: found });
          await ledger.end(begun, { status: "done", captured: { ...found, after } });
        }),
      );
      await session.query(act);
      const began = performance.now();
      for (let start = 0; start < ACTIONS; start += BATCH) {
        await session.transaction(async () => {
          for (let index = start; index < start + BATCH; index++) await session.query(update, [...BEFORE, idOf(index)]);
          return { commit: true };
        });
      }
      bare = Math.max(bare, (ACTIONS / (performance.now() - began)) * 1_000);
      await session.query(act);
      const plan = await makePlan({
        reading: ledger,
        handlers,
        sessions,
        filter: { traces: [trace] },
        now: Date.now(),
      });
      const started = performance.now();
      const outcomes = await runPlan({
        ledger,
        handlers,
        sessions,
        steps: plan.steps,
        owner: "bench",
        plan: plan.hash,
        signal: new AbortController().signal,
        batch: BATCH,
      });
      ours = Math.max(ours, (ACTIONS / (performance.now() - started)) * 1_000);
      const undone = [...outcomes.values()].filter(({ kind }) => kind === "undone").length;
      if (undone !== ACTIONS) throw new Error(`${undone} of ${ACTIONS} were undone`);
    }
  } finally {
    await session.query(`drop table ${table}`);
    await Promise.all([session.close(), sessions.close(), capturer.close(), ledger.close()]);
  }
  return { name, rows, actions: ACTIONS, ours, bare };
}

const app = new Libsql(join(directory, "app.db"));
app.exec("pragma journal_mode = wal");
app.close();
const postgres = process.env["CLAWPROOF_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";
const measured = [];
for (const [name, url] of [
  ["SQLite", "sqlite:app.db"],
  ["PostgreSQL", postgres],
] as const) {
  for (const table of TABLES) measured.push(await measure(name, url, table));
}
process.stdout.write(JSON.stringify(measured));
