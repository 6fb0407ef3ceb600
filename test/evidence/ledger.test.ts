import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config/schema.ts";
import { gatherRecords } from "../../src/evidence/records.ts";
import { gatherScript } from "../../src/evidence/script.ts";
import type { ActionFacts, Facts } from "../../src/evidence/facts.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { NewAction, Outcome } from "../../src/ledger/record.ts";
import { anAction, byHand, DIALECTS, opened, placeFor } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";
import { actionOf, factOf } from "../support/facts.ts";
import { type GatheringOptions, gatheringOf } from "./records-gathering.ts";
import { valueOf } from "./support.ts";

/** 05.5 and 05.6 on our own ledger. */

let url: string;
let ledger: Ledger;
let directory: string;

type Rollback = NonNullable<ConfigInput["rollback"]>;

function newDirectory(): void {
  directory = mkdtempSync(join(tmpdir(), "clawproof-known-ledger-"));
  afterThisTest(() => rmSync(directory, { recursive: true, force: true }));
}

async function act(action: Partial<NewAction>, outcome: Partial<Outcome> | null = {}): Promise<string> {
  const id = await ledger.begin(anAction(action));
  if (outcome !== null) await ledger.end(id, { status: "done", ...outcome });
  return id;
}

const gatheringFor = (rollback: Rollback, options?: GatheringOptions) =>
  gatheringOf({ ledger: url, ...rollback }, directory, options);

const recordsOf = async (rollback: Rollback = {}) => valueOf(await gatherRecords(gatheringFor(rollback)));

interface Known {
  actions?: ActionFacts;
  options?: GatheringOptions;
}

async function coverageOf(rollback: Rollback = {}, { actions, options }: Known = {}) {
  const gathering = gatheringFor(rollback, options);
  const facts: Facts = { records: await gatherRecords(gathering) };
  if (actions) facts.actions = factOf(actions);
  return gatherScript({ ...gathering, facts });
}

async function shownOf(rollback: Rollback = {}, known: Known = {}) {
  const { listed, dryRun } = valueOf(await coverageOf(rollback, known));
  if (!("types" in listed) || dryRun.state !== "seen") throw new Error("it was not planned");
  const unseen = Object.fromEntries((dryRun.unseen ?? []).map(({ type, why }) => [type, why]));
  return { listed: listed.types, seen: dryRun.types, unseen };
}

const declared = (...types: string[]): Known => ({
  actions: { types: types.map((type) => actionOf(type)), inventoryRead: false },
});

describe.each(DIALECTS)("our own ledger in %s", (dialect) => {
  const place = placeFor(dialect);
  beforeEach(async () => {
    newDirectory();
    url = await place.fresh();
    ledger = await opened(url);
  });

  it("is counted by type: what was refused or only read leaves nothing, drills do", async () => {
    await act({ type: "db_update", before: null });
    await act({ type: "db_update", captured: { v: 1 } });
    await act({ type: "db_update", drill: true });
    await act({ type: "email_send" }, { reference: "msg-1" });
    await act({ type: "email_send" }, { status: "refused" });
    await act({ type: "lookup", effect: "read" });
    await act({ type: "charge", agent: "billing" });
    expect((await recordsOf()).types).toEqual([
      { type: "db_update", total: 3, lacking: [{ what: "a previous value or a reference", count: 1 }] },
      { type: "email_send", total: 1, lacking: [] },
    ]);
  });

  it("holds what failed or never ended against a type only where nothing was done yet", async () => {
    await act({ type: "email_send" }, { status: "failed" });
    await act({ type: "email_send" }, null);
    const lacking = [{ what: "a previous value or a reference", count: 2 }];
    expect((await recordsOf()).types).toEqual([{ type: "email_send", total: 2, lacking }]);
    await act({ type: "email_send" }, { reference: "msg-1" });
    const fact = await gatherRecords(gatheringFor({}));
    expect(valueOf(fact).types).toEqual([{ type: "email_send", total: 3, lacking: [] }]);
    expect(fact.state === "found" && fact.evidence.map((one) => [one.level, one.fact])).toEqual([
      [
        "inspected",
        "email_send: 3 records, 1 with a previous value or a reference; 2 that failed or never ended hold neither",
      ],
    ]);
  });

  it("plans the newest write that was done of each type, and changes nothing", async () => {
    await act({ type: "db_update", before: 1 }, { after: 2 });
    await act({ type: "email_send" }, { reference: "msg-1" });
    await act({ type: "charge" }, { reference: "c-1" });
    await ledger.putHandler({ agent: "support", version: "2.4.1", type: "email_send", undo: { command: ["false"] } });
    const before = await byHand(url, "select * from clawproof_actions order by id");
    const fact = await coverageOf({ undo: { db_update: { command: ["false"] } } });
    expect(valueOf(fact)).toMatchObject({
      by: "ledger",
      takesTrace: true,
      takesWindow: true,
      listed: { types: ["db_update", "email_send"] },
      dryRun: { state: "seen", types: ["db_update", "email_send"], unseen: [] },
    });
    expect(fact.state === "found" && fact.evidence.map(({ level, fact }) => `${level} ${fact}`).sort()).toEqual([
      expect.stringMatching(/^probed charge \(record \w+\): no handler — name one under rollback\.undo/),
      expect.stringMatching(/^probed db_update \(record \w+\): planned by command \(clawproof\.yaml:1\): undo/),
      expect.stringMatching(/^probed email_send \(record \w+\): planned by command \(the ledger\): undo/),
    ]);
    expect(await byHand(url, "select * from clawproof_actions order by id")).toEqual(before);
    expect(await byHand(url, "select * from clawproof_runs")).toEqual([]);
  });

  it("names what cannot be taken back, by clawproof.yaml first, then by the newest record", async () => {
    await act(
      { type: "parcel_send", undo_class: "irreversible", undo: { form: "irreversible" } },
      { reference: "p-1" },
    );
    await act({ type: "db_update", undo_class: "irreversible", before: 1 });
    await act({ type: "db_update", before: 1 });
    const undo = { irreversible: "call the carrier" };
    await ledger.putHandler({ agent: "support", version: "2.4.1", type: "parcel_send", undo });
    const named = async (rollback: Rollback) =>
      (await recordsOf(rollback)).types.filter(({ irreversible }) => irreversible !== undefined);
    expect(await named({})).toEqual([{ type: "parcel_send", total: 1, lacking: [], irreversible: "call the carrier" }]);
    expect(await shownOf()).toEqual({ listed: [], seen: [], unseen: {} });
    const written = { undo: { fax: { irreversible: "phone them" }, parcel_send: { command: ["false"] } } };
    expect(await named(written)).toEqual([{ type: "fax", total: 0, lacking: [], irreversible: "phone them" }]);
    expect((await shownOf(written)).seen).toEqual(["parcel_send"]);
  });

  it("looks at rows through a connection that cannot write", async () => {
    await byHand(
      url,
      "drop table if exists accounts",
      "create table accounts (id integer primary key, note varchar(20))",
    );
    await byHand(url, "insert into accounts (id, note) values (7, 'new')");
    const row = (note: string) => ({ id: 7, note });
    await act({ type: "db_update", before: row("old"), undo: { form: "sql", key: { id: 7 } } }, { after: row("new") });
    const sql = { database: url, table: "accounts", key: ["id"] };
    const fact = await coverageOf({ undo: { db_update: { sql } } }, { options: { mode: "read-only" } });
    expect(valueOf(fact).dryRun).toMatchObject({ state: "seen", types: ["db_update"] });
    expect(fact.state === "found" && fact.evidence[0]?.fact).toMatch(/planned by sql \(clawproof\.yaml:1\): undo/);
    expect(await byHand(url, "select note from accounts")).toEqual([{ note: "new" }]);
    expect(await shownOf({ undo: { db_update: { sql: { ...sql, table: "nowhere" } } } })).toMatchObject({
      listed: ["db_update"],
      seen: [],
      unseen: { db_update: expect.stringMatching(/^db_update: it could not be looked at: .*nowhere/) },
    });
    await byHand(url, "drop table accounts");
  });

  it("fails, and does not throw, where there is no ledger", async () => {
    await byHand(url, "drop table clawproof_meta");
    const why = expect.stringContaining("holds no ledger");
    expect(await gatherRecords(gatheringFor({}))).toMatchObject({ state: "failed", why });
    expect(await coverageOf()).toMatchObject({ state: "failed", why });
  });
});

describe("our own ledger", () => {
  const place = placeFor("sqlite");
  beforeEach(async () => {
    newDirectory();
    url = await place.fresh();
    ledger = await opened(url);
  });

  it("is withheld offline, without opening anything", async () => {
    const offline = { options: { mode: "offline" as const } };
    expect(await gatherRecords(gatheringFor({ ledger: "sqlite:nowhere.db" }, offline.options))).toMatchObject({
      state: "withheld",
      why: "--offline opens no database",
    });
    expect(await coverageOf({ ledger: "sqlite:nowhere.db" }, offline)).toMatchObject({ state: "withheld" });
  });

  it("says whose records it holds where it holds none of this agent's", async () => {
    await act({ agent: "support-agent" });
    const fact = await gatherRecords(gatheringFor({}));
    expect(fact.state === "found" && fact.evidence[0]?.fact).toBe("no records of support, but of support-agent");
  });

  it("beside records of the team's own counts with them", async () => {
    await act({ type: "db_update" });
    await byHand(
      url,
      "create table own (type text, before text)",
      "insert into own values ('db_update', '1'), ('x', '')",
    );
    const records = { database: url, table: "own", columns: { type: "type", previous: "before" } };
    expect((await recordsOf({ records })).types).toEqual([
      { type: "db_update", total: 2, lacking: [{ what: "a previous value or a reference", count: 1 }] },
      { type: "x", total: 1, lacking: [{ what: "a previous value or a reference", count: 1 }] },
    ]);
  });

  it("what was redacted as a whole is no previous value", async () => {
    await ledger.close();
    ledger = await opened(url, { redact: ["/before"] });
    await act({ type: "db_update", before: { note: "old" } });
    expect((await recordsOf()).types[0]?.lacking).toHaveLength(1);
  });

  it("cannot show a type without records", async () => {
    const undo = { db_update: { command: ["false"] } };
    expect(await shownOf({ undo }, declared("db_update", "email_send"))).toEqual({
      listed: ["db_update"],
      seen: [],
      unseen: { db_update: "db_update has no records yet" },
    });
  });

  it("asks a guard's module for its functions, in a process of its own", async () => {
    await act({ type: "db_update", before: 1, undo: { form: "function" } });
    writeFileSync(
      join(directory, "guard.mjs"),
      `const undo = Object.assign(() => { throw new Error("undone"); }, { state: () => 1 });
       export const guard = { undoHandlers: () => new Map([["db_update", undo]]) };`,
    );
    expect((await shownOf({ guard: "./guard.mjs#guard" })).seen).toEqual(["db_update"]);
    const without = valueOf(await coverageOf({ guard: "./nowhere.mjs#guard" }));
    expect(without).toMatchObject({ listed: { types: [] } });
    const fact = await coverageOf({ guard: "./nowhere.mjs#guard" });
    expect(fact.state === "found" && fact.evidence.at(-1)?.fact).toMatch(
      /^rollback\.guard: \.\/nowhere\.mjs cannot be used/,
    );
  });

  it("a handler that cannot be used covers nothing; a state that cannot be read leaves it unseen", async () => {
    await act({ type: "db_update", before: 1 });
    await act({ type: "email_send" }, { reference: "msg-1" });
    const undo = {
      db_update: { module: "./nowhere.mjs#undo" },
      email_send: { command: ["false"], state: { command: ["false"] } },
    };
    expect(await shownOf({ undo })).toEqual({
      listed: ["email_send"],
      seen: [],
      unseen: { email_send: expect.stringMatching(/^email_send: its state could not be read/) },
    });
  });

  it("runs nothing that only the ledger names: a plain GET is asked, a module or a command is not", async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end("1");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    afterThisTest(() => void server.close());
    const at = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const mark = join(directory, "ran");
    writeFileSync(
      join(directory, "undo.mjs"),
      `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(mark)}, ""); export default () => {};`,
    );
    const states = {
      get: { url: at("/get") },
      post: { url: at("/post"), method: "POST" },
      json: { url: at("/json"), json: {} },
      command: { command: ["touch", mark] },
      module: { module: "./undo.mjs" },
    };
    for (const [type, state] of Object.entries(states)) {
      await act({ type, before: 1 });
      const undo = { http: { url: at("/undo"), method: "POST" }, state };
      await ledger.putHandler({ agent: "support", version: "2.4.1", type, undo });
    }
    await act({ type: "whole", before: 1 });
    await ledger.putHandler({ agent: "support", version: "2.4.1", type: "whole", undo: { module: "./undo.mjs" } });
    const { seen, unseen } = await shownOf();
    expect(seen).toEqual(Object.keys(states).sort());
    expect(unseen).toEqual({
      whole: "whole's undo is a module that only the ledger names; name it under rollback.undo",
    });
    expect(asked).toEqual(["GET /get"]);
    await expect(import("node:fs/promises").then(({ access }) => access(mark))).rejects.toThrow("ENOENT");
  });

  it("a script that is named beside it is what is judged", async () => {
    const fact = await coverageOf({ script: { run: ["true"], trace: ["${trace}"] } });
    expect(valueOf(fact)).toMatchObject({ by: "script", takesWindow: false });
  });
});
