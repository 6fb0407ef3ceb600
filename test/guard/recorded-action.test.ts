import Database from "libsql";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, it, vi } from "vitest";
import type { ActionRecord } from "../../src/ledger/record.ts";
import { openLedger } from "../../src/ledger/open.ts";
import { ActionRefused } from "../../src/guard/refusal.ts";
import { placeFor } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";
import { handGuard } from "./support.ts";

/** The guard with a real ledger and a real database beside it. */

async function recording(options: Parameters<typeof handGuard>[0] = {}) {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-guard-"));
  const database = `sqlite:${join(folder, "actions.db")}`;
  const db = new Database(join(folder, "app.db"));
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE accounts (id TEXT PRIMARY KEY, plan TEXT, note TEXT)");
  db.exec("INSERT INTO accounts VALUES ('ada', 'plus', 'likes cats')");
  afterThisTest(async () => {
    db.close();
    await rm(folder, { recursive: true, force: true });
  });
  const hand = handGuard({ ledger: { database }, ...options });
  hand.client.beat();
  const records = async (): Promise<ActionRecord[]> => {
    const ledger = await openLedger(database);
    const found: ActionRecord[] = [];
    for await (const { record } of ledger.entries({})) if (record) found.push(record);
    await ledger.close();
    return found;
  };
  const sql = { database: `sqlite:${join(folder, "app.db")}`, table: "accounts", key: ({ id }: Change) => ({ id }) };
  const update = ({ id, plan }: Change): string => {
    db.prepare("UPDATE accounts SET plan = ? WHERE id = ?").run(plan, id);
    return plan;
  };
  return { ...hand, folder, db, records, sql, update, database };
}

interface Change {
  id: string;
  plan: string;
}

const ADA: Change = { id: "ada", plan: "none" };

describe("the guard's ledger", () => {
  it("drops what is older than `keep`, and nothing that can still be undone", async () => {
    const { guard, records, sql, update, database } = await recording();
    await guard.action("change", { undo: { sql }, run: update })(ADA);
    await guard.action("mail", { undo: { irreversible: "call" }, run: () => "sent" })({});
    await guard.close();
    expect(await records()).toHaveLength(2);
    const keeping = handGuard({ ledger: { database, keep: 0 } });
    keeping.client.beat();
    await keeping.guard.ready();
    await vi.waitFor(async () => expect((await records()).map(({ type }) => type)).toEqual(["change"]));
    await keeping.guard.close();
  });

  it.each([
    [null, "ledger must be an object with database,"],
    ["sqlite:actions.db", "ledger must be an object with database,"],
    [{ database: undefined }, "ledger.database is undefined: give sqlite:PATH, postgres://… or mysql://…"],
    [{ database: "sqlite:a.db", redcat: ["email"] }, "redcat is not an option of ledger; known are database,"],
    [{ database: "sqlite:a.db", redact: "email" }, "ledger: redact must be a list"],
    [{ database: "sqlite:a.db", redact: ["/nowhere/email"] }, "ledger: /nowhere/email is no field of before,"],
    [{ database: "sqlite:a.db", encrypt: ["email"] }, "ledger: fields are to be encrypted, and no key is given"],
    [{ database: "sqlite:a.db", keys: [{ id: "k1", secret: undefined }] }, 'ledger: the key "k1" has no secret'],
    [{ database: "sqlite:a.db", timeoutMs: "5s" }, 'ledger.timeoutMs must be milliseconds above 0, not "5s"'],
  ])("is not made with settings that no record could be written with: %j", (ledger, message) => {
    expect(() => handGuard({ ledger: ledger as never })).toThrow(TypeError);
    expect(() => handGuard({ ledger: ledger as never })).toThrow(message);
  });

  it("is taken back by a trace, and an empty text is none", async () => {
    const { guard, client } = handGuard({ ledger: { database: "sqlite:never-opened.db" } });
    for (const trace of [undefined, "", 7]) {
      await expect(guard.rollback({ trace } as never)).rejects.toThrow("rollback needs a trace, not");
    }
    client.beat();
    const read = guard.action("read", { effect: "read", run: (_: null, { trace }) => trace });
    await expect(read(null, { trace: "" })).resolves.toMatch(/^[0-9a-f]{32}$/);
  });

  it("is not made with a `keep` that is no duration", () => {
    expect(() => handGuard({ ledger: { database: "sqlite:a.db", keep: "long" } })).toThrow(
      "ledger.keep must be a duration",
    );
  });
});

describe("a recorded action", () => {
  it("leaves its row before it runs, and how it ended after", async () => {
    const { guard, records, update } = await recording();
    let during: ActionRecord[] = [];
    const change = guard.action("subscription_update", {
      target: ({ id }: Change) => `account/${id}`,
      subject: ({ id }) => id,
      before: () => ({ plan: "plus" }),
      after: (_input, result) => ({ plan: result }),
      reference: () => 4711,
      undoWithin: "30d",
      undo: { http: { url: "https://mail.example/retract", method: "POST" }, residue: "the mail was read" },
      run: async (input) => {
        during = await records();
        return update(input);
      },
    });
    await expect(change(ADA, { trace: "friday" })).resolves.toBe("none");
    expect(during).toMatchObject([{ status: "started", before: { plan: "plus" } }]);
    const [record] = await records();
    expect(record).toMatchObject({
      trace_id: "friday",
      agent: "support",
      version: "2.4.1",
      type: "subscription_update",
      effect: "write",
      target: "account/ada",
      subject: "ada",
      epoch: 0,
      drill: false,
      status: "done",
      after: { plan: "none" },
      reference: "4711",
      undo: { form: "http" },
      undo_class: "compensable",
      residue: "the mail was read",
      undo_status: "none",
    });
    expect(record?.undo_until).toBeGreaterThan(1_790_000_000_000 + 29 * 86_400_000);
  });

  it("captures the rows that sql will put back, and keeps how for any process", async () => {
    const { guard, records, sql, update, database } = await recording();
    const change = guard.action("subscription_update", { undo: { sql }, run: update });
    await change(ADA);
    const [record] = await records();
    expect(record).toMatchObject({ undo: { form: "sql", key: { id: "ada" } }, undo_class: "reversible" });
    expect(record?.captured).toMatchObject({
      before: [["'ada'", "'plus'", "'likes cats'"]],
      after: [["'ada'", "'none'", "'likes cats'"]],
    });
    const ledger = await openLedger(database);
    expect(await ledger.handlers()).toEqual([
      {
        agent: "support",
        version: "2.4.1",
        type: "subscription_update",
        undo: { sql: { database: sql.database, table: "accounts", key: ["id"] } },
      },
    ]);
    await ledger.close();
  });

  it("captures too what a failed one left behind, and throws what it threw", async () => {
    const { guard, records, sql, update } = await recording();
    const change = guard.action("subscription_update", {
      undo: { sql },
      run: (input: Change) => {
        update(input);
        throw new RangeError("half way");
      },
    });
    await expect(change(ADA)).rejects.toThrow(RangeError);
    const [record] = await records();
    expect(record).toMatchObject({ status: "failed", captured: { after: [["'ada'", "'none'", "'likes cats'"]] } });
  });

  it("is not run where it cannot be recorded, and says so", async () => {
    const { guard, notices, folder } = await recording({ fallback: "Paused." });
    const run = vi.fn();
    const broken = handGuard({ ledger: { database: `sqlite:${join(folder, "no", "such", "folder", "a.db")}` } });
    broken.client.beat();
    const write = broken.guard.action("write", { run });
    await expect(write(null)).rejects.toMatchObject({ reason: "ledger", message: expect.stringContaining("recorded") });
    await expect(broken.guard.ready()).rejects.toThrow();
    // A `before` that fails leaves nothing to go back to.
    const blind = guard.action("blind", { before: () => Promise.reject(new Error("no read")), run });
    const error = await blind(null).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActionRefused);
    expect((error as Error).cause).toMatchObject({ message: "no read" });
    expect(run).not.toHaveBeenCalled();
    expect(broken.notices.map(({ code }) => code)).toContain("ledger");
    expect(notices.map(({ code }) => code)).not.toContain("ledger");
  });

  it("is asked for once more after its row is on the disk: an order that came meanwhile holds", async () => {
    const { guard, client, records, update } = await recording();
    const run = vi.fn(update);
    const change = guard.action("subscription_update", {
      before: () => {
        client.order({});
        return { plan: "plus" };
      },
      run,
    });
    await expect(change(ADA)).rejects.toMatchObject({ reason: "stopped" });
    expect(run).not.toHaveBeenCalled();
    expect(await records()).toMatchObject([{ status: "refused", epoch: 0 }]);
  });

  it("that has happened is never called refused: a record that is not whole is said loudly", async () => {
    const { guard, notices, records, update } = await recording();
    const change = guard.action("subscription_update", {
      after: () => Promise.reject(new Error("no read")),
      run: update,
    });
    await expect(change(ADA)).resolves.toBe("none");
    expect(notices).toContainEqual(
      expect.objectContaining({ code: "record-incomplete", message: expect.stringContaining("no read") }),
    );
    expect(await records()).toMatchObject([{ status: "done" }]);
  });

  it("joins the caller's transaction: row, write and end are there together, or not at all", async () => {
    const folder = await mkdtemp(join(tmpdir(), "clawproof-guard-"));
    const file = join(folder, "both.db");
    const db = new Database(file);
    db.exec("PRAGMA journal_mode = WAL; CREATE TABLE notes (text TEXT)");
    const { guard, client } = handGuard({ ledger: { database: `sqlite:${file}` } });
    client.beat();
    await guard.ready();
    const write = guard.action("note", {
      joins: true,
      run: (text: string) => db.prepare("INSERT INTO notes VALUES (?)").run(text),
    });
    const count = (table: string): number =>
      (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    db.exec("BEGIN IMMEDIATE");
    await write("kept", { transaction: db });
    db.exec("COMMIT");
    db.exec("BEGIN IMMEDIATE");
    await write("dropped", { transaction: db });
    db.exec("ROLLBACK");
    expect([count("notes"), count("clawproof_actions")]).toEqual([1, 1]);
    await guard.close();
    db.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("joins a transaction that holds the file already, with an undo that other processes find once it stands", async () => {
    const { guard, database, records } = await recording();
    const own = new Database(database.slice("sqlite:".length));
    afterThisTest(() => own.close());
    own.exec("PRAGMA journal_mode = WAL; CREATE TABLE accounts (id TEXT PRIMARY KEY, plan TEXT)");
    own.exec("INSERT INTO accounts VALUES ('ada', 'plus')");
    await guard.ready();
    const reading = own.prepare("SELECT plan FROM accounts WHERE id = ?");
    const row = ({ id }: Change) => ({ id, plan: (reading.get(id) as Change).plan });
    const change = guard.action("change", {
      joins: true,
      undo: { sql: { database, table: "accounts", key: ({ id }: Change) => ({ id }) } },
      before: row,
      after: row,
      run: ({ id, plan }) => void own.prepare("UPDATE accounts SET plan = ? WHERE id = ?").run(plan, id),
    });
    for (const [plan, ending] of [
      ["lost", "ROLLBACK"],
      ["basic", "COMMIT"],
      ["none", "COMMIT"],
    ] as const) {
      own.exec("BEGIN IMMEDIATE");
      await change({ id: "ada", plan }, { transaction: own, trace: "friday" });
      own.exec(ending);
    }
    expect((await records()).map(({ after }) => after)).toMatchObject([{ plan: "none" }, { plan: "basic" }]);
    const ledger = await openLedger(database);
    expect(await ledger.handlers()).toMatchObject([{ type: "change", undo: { sql: { table: "accounts" } } }]);
    await ledger.close();
    expect((await guard.rollback({ trace: "friday" })).left).toEqual([]);
    expect(row(ADA)).toEqual({ id: "ada", plan: "plus" });
  });

  it("keeps what can be stored, and how it ended, where something else cannot be", async () => {
    const { guard, records, sql, update, notices } = await recording();
    const fails = (): never => {
      throw new Error("no");
    };
    const odd = {
      big: { after: () => 10n, reference: () => "m1" },
      failing: { after: fails, reference: () => "m2" },
      unnamed: { after: () => ({ plan: "none" }), reference: fails },
      object: { after: () => ({ plan: "none" }), reference: () => ({ id: 4 }) as never },
      late: { reference: async () => "m5" },
    };
    for (const [type, more] of Object.entries(odd)) {
      await guard.action(type, { ...more, undo: { sql }, run: update })({ id: "ada", plan: type });
    }
    const found = Object.fromEntries((await records()).map((record) => [record.type, record]));
    expect(found).toMatchObject({
      big: { status: "done", reference: "m1", captured: { after: [["'ada'", "'big'", "'likes cats'"]] } },
      failing: { status: "done", reference: "m2" },
      unnamed: { status: "done", reference: null, after: { plan: "none" } },
      object: { status: "done", reference: null, after: { plan: "none" } },
      late: { status: "done", reference: "m5" },
    });
    expect(notices.filter(({ code }) => code === "record-incomplete")).toHaveLength(4);
  });

  it("is refused with a key that finds no row, and records numbers as their text", async () => {
    const { guard, records, sql, update } = await recording();
    for (const [index, key] of [null, ["ada"], { id: undefined }, { id: NaN }, { id: { a: 1 } }].entries()) {
      const change = guard.action(`odd${index}`, { undo: { sql: { ...sql, key: () => key as never } }, run: update });
      const refused = await change(ADA).catch((error: unknown) => error);
      expect(refused).toMatchObject({ reason: "ledger", cause: { message: expect.stringContaining("undo.sql.key") } });
    }
    const numbered = guard.action("numbered", { target: () => 7 as never, subject: () => 8n as never, run: update });
    await numbered(ADA);
    expect(await records()).toMatchObject([{ target: "7", subject: "8" }]);
  });

  it("is taken back by a request whose URL is relative to a base", async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      asked.push(url);
      response.end();
    }).listen(0, "127.0.0.1");
    afterThisTest(() => server.close());
    await once(server, "listening");
    const { guard } = await recording();
    const http = { url: "/retract/${record.reference}", method: "POST" } as const;
    const mail = guard.action("email_send", { reference: () => "m1", undo: { http }, run: () => undefined });
    await mail(null, { trace: "friday" });
    const without = await guard.rollback({ trace: "friday" });
    expect(without.left).toMatchObject([{ what: "failed", why: expect.stringContaining("relative") as string }]);
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { left } = await guard.rollback({ trace: "friday", base });
    expect(left).toMatchObject([{ what: "unverified" }]);
    // It is not done again, and is still left: nobody has looked.
    expect((await guard.rollback({ trace: "friday", base })).left).toMatchObject([{ what: "unverified" }]);
    expect(asked).toEqual(["/retract/m1"]);
  });

  it("is taken back by its trace, from within the agent, while the switch is pulled; what others changed is left", async () => {
    const { guard, client, db, sql, update } = await recording();
    const planOf = (id: string): unknown =>
      (db.prepare("SELECT plan FROM accounts WHERE id = ?").get(id) as { plan: string }).plan;
    db.exec("INSERT INTO accounts VALUES ('bob', 'basic', '')");
    const change = guard.action("subscription_update", { target: ({ id }: Change) => id, undo: { sql }, run: update });
    const restored: string[] = [];
    const mail = guard.action("email_send", {
      reference: () => "msg-1",
      undo: async ({ reference }) => restored.push(String(reference)),
      run: () => undefined,
    });
    const plain = guard.action("parcel_send", { undo: { irreversible: "call the carrier" }, run: () => undefined });
    await change(ADA, { trace: "friday" });
    await change({ id: "bob", plan: "family" }, { trace: "friday" });
    await mail(null, { trace: "friday" });
    await plain(null, { trace: "friday" });
    await change({ id: "ada", plan: "family" }, { trace: "monday" });
    client.order({});
    const { undone, left } = await guard.rollback({ trace: "friday" });
    expect(restored).toEqual(["msg-1"]);
    expect([planOf("ada"), planOf("bob")]).toEqual(["family", "basic"]);
    expect(undone).toHaveLength(1);
    expect(left.map(({ type, what, target }) => [type, what, target])).toEqual([
      ["parcel_send", "irreversible", null],
      ["email_send", "unverified", null],
      ["subscription_update", "conflict", "ada"],
    ]);
    await expect(handGuard().guard.rollback({ trace: "friday" })).rejects.toThrow("there is no ledger");
  });

  it("of a drill is marked; reads leave no record", async () => {
    const { guard, records, update } = await recording();
    const change = guard.action("subscription_update", { run: update });
    const look = guard.action("look", { effect: "read", run: () => 1 });
    await change(ADA, { drill: true });
    await look(null);
    expect(await records()).toMatchObject([{ drill: true, undo_class: "unknown" }]);
  });

  it("tells how far it can be taken back, and gives its functions to the rollback", () => {
    const { guard } = handGuard({ ledger: { database: "sqlite:never-opened.db" } });
    const restore = async (): Promise<void> => undefined;
    const run = (): void => undefined;
    guard.action("by-function", { undo: restore, run });
    guard.action("by-hand", { undo: { irreversible: "call the carrier" }, run });
    guard.action("unsaid", { run });
    expect(guard.actions().map(({ type, undo }) => [type, undo])).toEqual([
      ["by-function", "compensable"],
      ["by-hand", "irreversible"],
      ["unsaid", "unknown"],
    ]);
    expect([...guard.undoHandlers()]).toEqual([["by-function", restore]]);
  });

  it.each([
    [{ undo: {} }, "exactly one of"],
    [{ undo: { http: {}, command: [] } }, "exactly one of"],
    [{ undo: "later" }, "must be a function or one of"],
    [{ undo: { irreversible: "" } }, "what a person must do"],
    [{ undo: { sql: { database: "sqlite:a.db", table: "a", key: ["id"] } } }, "key of odd must be a function"],
    [{ undo: { sql: { table: "a" } } }, "needs database, table and key"],
    [{ undoWithin: "soon" }, "undoWithin of odd must be a duration"],
    [
      { joins: true, undo: { sql: { database: "sqlite:a.db", table: "a", key: () => ({}) } } },
      "needs before and after",
    ],
  ])("refuses %j", (wrong, message) => {
    const { guard } = handGuard({ ledger: { database: "sqlite:never-opened.db" } });
    const definition = { run: () => undefined, ...wrong } as never;
    expect(() => guard.action("odd", definition)).toThrow(TypeError);
    expect(() => handGuard({ ledger: { database: "sqlite:never-opened.db" } }).guard.action("odd", definition)).toThrow(
      message,
    );
  });
});

describe("a recorded action in PostgreSQL", () => {
  const place = placeFor("postgres");

  it("ends in its record while the guard is being closed, and leaves no connection behind", async () => {
    const named = new URL(await place.fresh());
    const name = `clawproof-close-${process.pid}`;
    const own = new pg.Client({ connectionString: named.href });
    await own.connect();
    afterThisTest(() => own.end());
    await own.query("create table if not exists accounts (id int primary key, plan text)");
    await own.query("insert into accounts values (1, 'plus') on conflict do nothing");
    named.searchParams.set("application_name", name);
    const database = named.href;
    const { guard, client, notices } = handGuard({ ledger: { database } });
    client.beat();
    const events = new EventEmitter();
    const change = guard.action("change", {
      undo: { sql: { database, table: "accounts", key: (id: number) => ({ id }) } },
      async run(id) {
        events.emit("started");
        await once(events, "closing");
        await own.query("update accounts set plan = 'none' where id = $1", [id]);
      },
    });
    const started = once(events, "started");
    const running = change(1);
    await started;
    const closing = guard.close();
    events.emit("closing");
    await Promise.all([running, closing]);
    expect(notices.filter(({ level }) => level === "error")).toEqual([]);
    const { rows } = await own.query("select status, captured from clawproof_actions");
    expect(rows).toMatchObject([{ status: "done", captured: expect.stringContaining('"after":[["1","none"]]') }]);
    await vi.waitFor(async () => {
      const open = await own.query("select 1 from pg_stat_activity where application_name = $1", [name]);
      expect(open.rows).toEqual([]);
    });
  });

  it("that joins throws where its end fails: the transaction has failed with it, and its commit would not say so", async () => {
    const url = await place.fresh();
    const own = new pg.Client({ connectionString: url });
    await own.connect();
    afterThisTest(() => own.end());
    const { guard, client } = handGuard({ ledger: { database: url } });
    afterThisTest(() => guard.close());
    client.beat();
    const write = guard.action("note", { joins: true, reference: () => "a\0b", run: () => own.query("select 1") });
    await own.query("begin");
    await expect(write({}, { transaction: own })).rejects.toThrow("the ledger failed");
    await own.query("rollback");
    const alone = guard.action("alone", { reference: () => "a\0b", after: () => 1, run: () => undefined });
    await alone({});
    const ledger = await openLedger(url);
    const found = [];
    for await (const { record } of ledger.entries({})) found.push(record);
    await ledger.close();
    expect(found).toMatchObject([{ type: "alone", status: "done", reference: null }]);
  });
});
