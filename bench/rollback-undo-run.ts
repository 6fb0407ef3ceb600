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
/** Rows of the table: those of the actions alone, side by side on few pages; or many, with those scattered among them. */
const TABLES = [
  { rows: ACTIONS, step: 1 },
  { rows: 100_000, step: 7_919 },
] as const;
const TEXT =
  "somebody whose name, address and last note are together as long as those of most people are in such a table";
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
): Promise<{ name: string; rows: number; ours: number; bare: number }> {
  const idOf = (action: number): number => (action * step) % rows;
  const table = `bench_${process.pid}`;
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
  const place = session.dialect === "postgres" ? ["$1", "$2"] : ["?", "?"];
  const update = `update ${table} set seats = ${place[0]} where id = ${place[1]}`;
  await session.query(`create table ${table} (id integer primary key, name text, seats integer)`);
  await session.query(
    `insert into ${table} with recursive ids (id) as (select 0 union all select id + 1 from ids where id < ${rows - 1})
     select id, '${TEXT}', 1 from ids`,
  );
  let [ours, bare] = [0, 0];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const trace = `round-${round}`;
      const action = { trace_id: trace, agent: "a", type: "change", effect: "write", undo: { form: "sql" } } as const;
      await Promise.all(
        Array.from({ length: ACTIONS }, async (_, index) => {
          const id = idOf(index);
          const captured = await capturer.before({ database: url, table }, { id });
          const after = captured.before.map((row) => [row[0] ?? null, row[1] ?? null, "2"]);
          const begun = await ledger.begin({ ...action, target: String(id), captured });
          await ledger.end(begun, { status: "done", captured: { ...captured, after } });
        }),
      );
      await session.query(`update ${table} set seats = 2 where seats <> 2`);
      const began = performance.now();
      for (let start = 0; start < ACTIONS; start += BATCH) {
        await session.transaction(async () => {
          for (let index = start; index < start + BATCH; index++) await session.query(update, [3, idOf(index)]);
          return { commit: true };
        });
      }
      bare = Math.max(bare, (ACTIONS / (performance.now() - began)) * 1_000);
      await session.query(`update ${table} set seats = 2 where seats <> 2`);
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
  return { name, rows, ours, bare };
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
