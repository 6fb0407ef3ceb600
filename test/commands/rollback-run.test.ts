import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { renameSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { startSwitch } from "../switch/support.ts";
import { afterThisTest } from "../support/ending.ts";
import { needs } from "../support/servers.ts";
import type { Captured } from "../../src/rollback/sql/captured.ts";
import { World } from "../rollback/world.ts";
import { Kept } from "./support.ts";

/** What happens around a run: who confirms it, who interrupts it, and what it meets on its way. */

const UNDO = { update: { sql: { database: "sqlite:app.db", table: "accounts", key: ["id"] } } };
const ON_TRACE = ["rollback", "--trace", "t1"];
const YES = [...ON_TRACE, "--yes"];

async function shop(): Promise<World> {
  const world = await World.open();
  world.configure({ undo: UNDO });
  world.app.exec("create table accounts (id integer primary key, seats integer)");
  world.app.exec("insert into accounts values (1, 1), (2, 2), (3, 3)");
  for (const id of [1, 2, 3]) await world.change("accounts", { id }, `update accounts set seats = 9 where id = ${id}`);
  return world;
}

const seats = (world: World): unknown[] => world.rows("select seats from accounts order by id");
const AS_BEFORE = [{ seats: 1 }, { seats: 2 }, { seats: 3 }];
const AS_AFTER = [{ seats: 9 }, { seats: 9 }, { seats: 9 }];

describe("on a terminal the count is typed", () => {
  it.each([
    { typed: "3\n", status: 0, left: AS_BEFORE },
    { typed: " 3 \n", status: 0, left: AS_BEFORE },
    { typed: "2\n", status: 2, left: AS_AFTER },
    { typed: "yes\n", status: 2, left: AS_AFTER },
    { typed: "\n", status: 2, left: AS_AFTER },
    { typed: null, status: 2, left: AS_AFTER },
  ])("$typed", async ({ typed, status, left }) => {
    const world = await shop();
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.end(typed ?? "");
    const ran = await world.run(ON_TRACE, { stdin, stderr: new Kept({ columns: 80 }) });
    expect(ran.stderr).toContain("Type the number of actions to take back (3), Enter to leave it: ");
    expect({ status: ran.status, left: seats(world) }).toEqual({ status, left });
    if (status === 2) expect(ran.stderr).toContain("the count was not typed, and nothing was done");
  });
});

it("warns while the agent still runs, by its switch, and not once it is stopped", async () => {
  const world = await shop();
  const running = await startSwitch();
  const token = running.admin;
  world.configure({ undo: UNDO }, { killSwitch: { provider: "clawproof", url: running.url, token: "${TOKEN}" } });
  const env = { TOKEN: token };
  const warned = await world.run([...ON_TRACE, "--dry-run"], { env });
  expect(warned.stdout).toContain("WARNING: support is still running, and may act while this goes on: clawproof kill");
  await running.call("/v1/kill", { body: { scope: "support", reason: "wrong prices" } });
  const stopped = await world.run(YES, { env });
  expect(stopped.stdout).not.toContain("WARNING");
  expect({ status: stopped.status, left: seats(world) }).toEqual({ status: 0, left: AS_BEFORE });
});

it("asks the switch about the version that is taken back, and not about what runs beside it", async () => {
  const world = await shop();
  const running = await startSwitch();
  world.configure({ undo: UNDO }, { killSwitch: { provider: "clawproof", url: running.url, token: "${TOKEN}" } });
  await world.act({ version: "2.4.1", target: "accounts/9" });
  await running.call("/v1/kill", { body: { scope: "support@2.4.1", reason: "wrong prices" } });
  const planned = async (scope: string) =>
    (await world.run(["rollback", scope, "--dry-run"], { env: { TOKEN: running.admin } })).stdout;
  expect(await planned("support@2.4.1")).toContain("\nsupport@2.4.1 is stopped\n");
  expect(await planned("support")).toContain("WARNING: support is still running");
});

it("an interruption lets the running step end, and reports the rest as not tried", async () => {
  const world = await World.open();
  const controller = new AbortController();
  world.configure({ undo: { set: { module: "./undo.mjs#restore" } } });
  writeFileSync(
    world.path("undo.mjs"),
    `import { appendFileSync } from "node:fs";
     export async function restore(record) { appendFileSync(new URL("./done.txt", import.meta.url), record.target + "\\n"); }`,
  );
  for (const target of ["a", "b", "c"]) await world.act({ type: "set", target });
  const stderr = Object.assign(new Kept({ columns: 80 }), {
    write(this: Kept, text: string) {
      this.text += text;
      if (text.includes("taking back 0 of 3")) controller.abort();
    },
  });
  const { status, stdout } = await world.run(YES, { stderr, signal: controller.signal });
  expect(status).toBe(1);
  expect(stdout).toMatch(/unverified {2}set {2}c /);
  expect(stdout).toMatch(/not tried {2}set {2}b .* — interrupted/);
  expect(stdout).toMatch(/not tried {2}set {2}a .* — interrupted/);
  const again = await world.json(YES);
  expect(again.steps.map((step) => step.split(" ").at(2))).toEqual(["done", "undo", "undo"]);
});

it("an interruption is heard between batches of rows, though SQLite never lets go of the thread", async () => {
  const world = await World.open();
  world.configure({ undo: UNDO });
  world.app.exec("pragma journal_mode = wal; create table accounts (id integer primary key, seats integer)");
  const ids = Array.from({ length: 250 }, (_, id) => id);
  for (const id of ids) world.app.prepare("insert into accounts values (?, 1)").run([id]);
  const target = { database: "sqlite:app.db", table: "accounts" };
  const before = await Promise.all(ids.map((id) => world.capturer.before(target, { id })));
  const done = ids.map((id) => world.act({ target: String(id), captured: before[id] }, undefined, afterOf(before[id])));
  await Promise.all(done);
  world.app.exec("update accounts set seats = 9");
  const controller = new AbortController();
  const stderr = Object.assign(new Kept({ columns: 80 }), {
    write(this: Kept, text: string) {
      // As a signal comes: when the thread is free.
      if (text.includes("taking back 0 of 250")) setImmediate(() => controller.abort());
    },
  });
  const { status, stdout } = await world.run(YES, { stderr, signal: controller.signal });
  expect(status).toBe(1);
  expect(stdout).toMatch(/Tried 100 of 250 actions: 100 undone, 150 not tried/);
  expect(world.rows("select count(*) as n from accounts where seats = 9")).toEqual([{ n: 150 }]);
  expect((await world.json(YES)).status).toBe(0);
});

const afterOf = (captured: Captured | undefined) => ({
  captured: captured && { ...captured, after: captured.before.map(([id]) => [id ?? null, "9"]) },
});

it("a ledger of a newer version is left alone", async () => {
  const world = await shop();
  const { default: Libsql } = await import("libsql");
  const file = new Libsql(world.path("actions.db"));
  file.exec("update clawproof_meta set value = '99' where key = 'schema'");
  file.close();
  for (const argv of [YES, [...ON_TRACE, "--dry-run"], ["ledger", "list"]]) {
    const { status, stderr } = await world.run(argv);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/made by a newer version of clawproof/),
    });
  }
  expect(seats(world)).toEqual(AS_AFTER);
});

it("a field that no record has is named with its place", async () => {
  const world = await shop();
  writeFileSync(
    world.path("clawproof.yaml"),
    `version: 1
agent: { name: support }
rollback:
  ledger: "sqlite:actions.db"
  undo:
    update: { http: { url: "https://mail.example/\${record.refrence}" } }
`,
  );
  const { status, stderr } = await world.run(YES);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(/clawproof\.yaml:6:\d+.*a record has no field refrence; did you mean reference\?/s),
  });
});

it("a module whose import hangs is given up, and its actions are left", { timeout: 30_000 }, async () => {
  const world = await shop();
  writeFileSync(world.path("undo.mjs"), "await new Promise((r) => setInterval(r, 2 ** 30)); export const restore = 1;");
  world.configure({ undo: { update: { module: "./undo.mjs#restore" } } });
  const { status, stdout } = await world.run(YES);
  expect({ status, stdout }).toEqual({
    status: 1,
    stdout: expect.stringMatching(/conflict.*undo\.mjs cannot be used/),
  });
  expect(seats(world)).toEqual(AS_AFTER);
});

it("a compensator that hangs has a limit, and nobody knows what became of it", async () => {
  const silent = createServer(() => undefined);
  await listening(silent);
  const world = await World.open();
  world.configure({ undo: { set: { http: { url: addressOf(silent), method: "POST", timeout: "300ms" } } } });
  await world.act({ type: "set", target: "a" });
  const { status, left } = await world.json(YES);
  expect({ status, left }).toMatchObject({ status: 1, left: [{ what: "unknown" }] });
});

describe("a database that goes away in the middle", () => {
  const server = needs("PostgreSQL");

  it("fails the step that needed it; the same command goes on once it is back", async () => {
    const world = await World.open();
    const table = `${server.schema}.accounts`;
    await server.run(
      `create table ${table} (id integer primary key, seats integer)`,
      `insert into ${table} values (1, 1), (2, 2)`,
      // Whoever writes is known by its connection, which alone is cut.
      `create table ${server.schema}.writers (pid integer)`,
      `create function ${server.schema}.note() returns trigger language plpgsql as 'begin insert into ${server.schema}.writers values (pg_backend_pid()); return new; end'`,
      `create trigger t after update on ${table} for each row execute function ${server.schema}.note()`,
    );
    const cut = createServer((_request, response) => {
      const all = `select pg_terminate_backend(pid) from ${server.schema}.writers where pid <> pg_backend_pid()`;
      void server.run(all).then(() => response.end("{}"));
    });
    await listening(cut);
    world.configure({
      undo: {
        update: { sql: { database: server.url, table, key: ["id"] } },
        cut: { http: { url: addressOf(cut), method: "POST" } },
      },
    });
    const change = async (id: number): Promise<void> => {
      const target = { database: server.url, table };
      const captured = await world.capturer.before(target, { id });
      const action = await world.ledger.begin({
        trace_id: "t1",
        agent: "support",
        type: "update",
        effect: "write",
        target: String(id),
        captured,
      });
      await server.run(`update ${table} set seats = 9 where id = ${id}`);
      await world.ledger.end(action, { status: "done", captured: await world.capturer.after(target, captured) });
    };
    await change(1);
    await world.act({ type: "cut", target: "x" });
    await change(2);
    const now = (): Promise<unknown> => server.run(`select seats from ${table} order by id`);
    const first = await world.json(YES);
    expect(first).toMatchObject({
      status: 1,
      steps: ["update 2 undo → undone", "cut x undo → unverified", "update 1 undo → failed"],
    });
    expect(await now()).toEqual([{ seats: 9 }, { seats: 2 }]);
    expect((await world.json(YES)).steps.at(2)).toBe("update 1 undo → undone");
    expect(await now()).toEqual([{ seats: 1 }, { seats: 2 }]);
  });
});

it("what an earlier run broke off at is still looked at first after a run that could not look", async () => {
  const world = await World.open();
  world.configure({ undo: UNDO });
  world.app.exec("create table accounts (id integer primary key, seats integer)");
  world.app.exec("insert into accounts values (1, 1)");
  const ids = [
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1"),
    await world.change("accounts", { id: 1 }, "update accounts set seats = 9 where id = 1"),
  ];
  // It committed both, and did not come to say so.
  const broken = await world.ledger.startRun({ owner: "dana" });
  await world.ledger.turn(broken.id, { wanted: [{ ids, from: ["none"] }] });
  await world.ledger.endRun(broken.id);
  world.app.exec("update accounts set seats = 1");

  renameSync(world.path("app.db"), world.path("away.db"));
  const { status, steps } = await world.json(YES);
  expect({ status, failed: steps.filter((step) => step.endsWith("failed")).length }).toEqual({ status: 1, failed: 2 });
  renameSync(world.path("away.db"), world.path("app.db"));
  expect(await world.json(YES)).toMatchObject({ status: 0, left: [] });
  expect(seats(world)).toEqual([{ seats: 1 }]);
});

it("an undo whose secret is not set is a conflict in the plan already", async () => {
  const world = await World.open();
  const headers = { authorization: "Bearer ${UNDO_TOKEN}" };
  world.configure({ undo: { cut: { http: { url: "http://127.0.0.1:9/", method: "POST", headers } } } });
  await world.act({ type: "cut", target: "x" });
  const { status, stdout } = await world.run([...ON_TRACE, "--dry-run"]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringMatching(/conflict .* UNDO_TOKEN is not set/) });
  const set = { env: { UNDO_TOKEN: "hush" } };
  expect((await world.run([...ON_TRACE, "--dry-run"], set)).status).toBe(0);
});

async function listening(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterThisTest(() => {
    server.closeAllConnections();
    server.close();
  });
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

it("what is too late is left, and forced all the same", async () => {
  const world = await World.open();
  world.configure({ undo: { set: { command: ["true"] } } });
  const id = await world.act({ type: "set", target: "late", undo_until: Date.UTC(2020, 0, 1) });
  const { status, stdout } = await world.run(YES);
  expect({ status, stdout }).toEqual({
    status: 1,
    stdout: expect.stringMatching(/closed at 2020-01-01T.*\n {4}do it by hand; --force ID tries it all the same\n/),
  });
  expect((await world.json([...YES, "--force", id])).steps).toEqual(["set late undo → unverified"]);
});
