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
/** How many rows there are: those of the actions alone, side by side on few pages; or many, with those scattered among them. */
const PLACES = [
  { rows: ACTIONS, step: 1 },
  { rows: 100_000, step: 7_919 },
] as const;
const TEXT =
  "somebody whose name, address and last note are together as long as those of most people are in such a table";
/** Tables: their columns after the id, each filled by an expression; and what an action changes, from what to what. */
const SHAPES = [
  { name: "a narrow table", columns: { name: `'${TEXT}'`, seats: "1" }, indexed: [], changed: { seats: [1, 2] } },
  {
    name: "customers' accounts",
    columns: {
      name: "'Customer Number ' || id",
      email: "'customer' || id || '@example.com'",
      plan: "'none'",
      status: "'cancelled'",
      price: "'0.00'",
      updated_at: "'2026-11-27T12:00:00Z'",
    },
    indexed: ["status", "email"],
    changed: { plan: ["none", "plus"], status: ["cancelled", "active"], price: ["0.00", "9.00"] },
  },
] satisfies Shape[];
interface Shape {
  name: string;
  columns: Record<string, string>;
  indexed: string[];
  changed: Record<string, readonly [before: string | number, after: string | number]>;
}
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
  { name: shape, columns, indexed, changed }: Shape,
  { rows, step }: (typeof PLACES)[number],
): Promise<{ name: string; shape: string; rows: number; ours: number; bare: number }> {
  const idOf = (action: number): number => (action * step) % rows;
  const table = `bench_${process.pid}`;
  const session = await openSession(url, options);
  const capturer = createCapturer(options);
  const ledger = await openLedger(`sqlite:${name}-${shape.at(-1)}-${rows}.db`, { directory });
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
  const names = Object.keys(columns);
  const changes = Object.entries(changed);
  const place = (index: number): string => (isSqlite ? "?" : `$${index + 1}`);
  const literal = (value: string | number): string => (typeof value === "number" ? String(value) : `'${value}'`);
  const cell = (value: string | number): string => (isSqlite ? literal(value) : String(value));
  const before = changes.map(([, [value]]) => value);
  const set = changes.map(([column], index) => `${column} = ${place(index)}`).join(", ");
  const update = `update ${table} set ${set} where id = ${place(changes.length)}`;
  const act = `update ${table} set ${changes.map(([column, [, value]]) => `${column} = ${literal(value)}`).join(", ")}
    where id in (${Array.from({ length: ACTIONS }, (_, action) => idOf(action)).join()})`;
  const typed = names.map((column) => `${column} ${columns[column] === "1" ? "integer" : "text"}`);
  await session.query(`create table ${table} (id integer primary key, ${typed.join(", ")})`);
  for (const column of indexed) await session.query(`create index ${table}_${column} on ${table} (${column})`);
  await session.query(
    `insert into ${table} with recursive ids (id) as (select 0 union all select id + 1 from ids where id < ${rows - 1})
     select id, ${Object.values(columns).join(", ")} from ids`,
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
          const after = captured.before.map((row) =>
            captured.columns.map((column, index) => {
              const [, became] = changed[column] ?? [];
              return became === undefined ? (row[index] ?? null) : cell(became);
            }),
          );
          const begun = await ledger.begin({ ...action, target: String(id), captured });
          await ledger.end(begun, { status: "done", captured: { ...captured, after } });
        }),
      );
      await session.query(act);
      const began = performance.now();
      for (let start = 0; start < ACTIONS; start += BATCH) {
        await session.transaction(async () => {
          for (let index = start; index < start + BATCH; index++) await session.query(update, [...before, idOf(index)]);
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
  return { name, shape, rows, ours, bare };
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
  for (const shape of SHAPES) for (const place of PLACES) measured.push(await measure(name, url, shape, place));
}
process.stdout.write(JSON.stringify(measured));
