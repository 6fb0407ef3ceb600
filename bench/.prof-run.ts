import { join } from "node:path";
import inspector from "node:inspector/promises";
import fs from "node:fs";
const insp = new inspector.Session(); insp.connect(); await insp.post("Profiler.enable"); await insp.post("Profiler.setSamplingInterval",{interval:200});
import Libsql from "libsql";
import { openSession } from "/tmp/wt/undo/src/databases/session.ts";
import { openLedger } from "/tmp/wt/undo/src/ledger/open.ts";
import { Handlers } from "/tmp/wt/undo/src/rollback/handlers.ts";
import { makePlan } from "/tmp/wt/undo/src/rollback/make-plan.ts";
import { Modules } from "/tmp/wt/undo/src/rollback/modules.ts";
import { runPlan } from "/tmp/wt/undo/src/rollback/run.ts";
import { Sessions } from "/tmp/wt/undo/src/rollback/sessions.ts";
import { createCapturer } from "/tmp/wt/undo/src/rollback/sql/capture.ts";

/** Run by rollback-undo.mjs; prints `[{ name, ours, bare }]`, actions a second, the best of its rounds. */

const ACTIONS = 2_000;
const BATCH = Number(process.env["BATCH"]??100);
const ROUNDS = 3;
const directory = process.argv[2] ?? "";
const secrets = {
  get: () => Promise.reject(new Error("none")),
  has: async () => false,
  redact: (text: string) => text,
};
const options = { directory, secrets, statementTimeoutMs: 10_000 };

async function measure(name: string, url: string): Promise<{ name: string; ours: number; bare: number }> {
  const table = `bench_${process.pid}`;
  const session = await openSession(url, options);
  const capturer = createCapturer(options);
  const ledger = await openLedger(`sqlite:${name}.db`, { directory });
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
  for (let id = 0; id < ACTIONS; id++) await session.query(`insert into ${table} values (${id}, 'somebody', 1)`);
  let [ours, bare] = [0, 0];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const trace = `round-${round}`;
      const action = { trace_id: trace, agent: "a", type: "change", effect: "write", undo: { form: "sql" } } as const;
      await Promise.all(
        Array.from({ length: ACTIONS }, async (_, id) => {
          const captured = await capturer.before({ database: url, table }, { id });
          const after = captured.before.map((row) => [row[0] ?? null, row[1] ?? null, "2"]);
          const begun = await ledger.begin({ ...action, target: String(id), captured });
          await ledger.end(begun, { status: "done", captured: { ...captured, after } });
        }),
      );
      await session.query(`update ${table} set seats = 2`);
      const began = performance.now();
      for (let start = 0; start < ACTIONS; start += BATCH) {
        await session.transaction(async () => {
          for (let id = start; id < start + BATCH; id++) await session.query(update, [3, id]);
          return { commit: true };
        });
      }
      bare = Math.max(bare, (ACTIONS / (performance.now() - began)) * 1_000);
      await session.query(`update ${table} set seats = 2`);
      const plan = await makePlan({
        reading: ledger,
        handlers,
        sessions,
        filter: { traces: [trace] },
        now: Date.now(),
      });
      if(process.env["PROF"]&&round===2)await insp.post("Profiler.start");const c0=process.cpuUsage(); const started = performance.now();
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
      console.error(name,trace,"bare us",1e6/bare,"ours us",1e6/ours,"this", (performance.now()-started)/ACTIONS*1000, "cpu", process.cpuUsage(c0));if(process.env["PROF"]&&round===2){const {profile}=await insp.post("Profiler.stop");fs.writeFileSync("/tmp/undo-prof/"+name+".cpuprofile",JSON.stringify(profile));}
const undone = [...outcomes.values()].filter(({ kind }) => kind === "undone").length;
      if (undone !== ACTIONS) throw new Error(`${undone} of ${ACTIONS} were undone`);
    }
  } finally {
    await session.query(`drop table ${table}`);
    await Promise.all([session.close(), sessions.close(), capturer.close(), ledger.close()]);
  }
  return { name, ours, bare };
}

const app = new Libsql(join(directory, "app.db"));
app.exec("pragma journal_mode = wal");
app.close();
const postgres = process.env["CLAWPROOF_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";
process.stdout.write(JSON.stringify([process.env["PG"]? await measure("PostgreSQL", postgres): await measure("SQLite", "sqlite:app.db")]));
