import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RecordsTable } from "../../src/config/schema.ts";
import type { Gathering } from "../../src/evidence/gathering.ts";
import { type OpenTables, withRecordTables } from "../../src/evidence/records-tables.ts";
import * as traces from "../../src/evidence/records-traces.ts";
import { needs } from "../support/servers.ts";
import { gatheringOf } from "./records-gathering.ts";
import { COLUMNS, createSqlite, ROWS, tableWith } from "./records-tables.ts";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "clawproof-traces-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const TABLE: RecordsTable = { database: "sqlite:agent.db", table: "rollback_records", columns: COLUMNS };
const run = (...statements: string[]): void => createSqlite(join(directory, "agent.db"), ...statements);
const create = (time = "text"): void => run(...tableWith("rollback_records", "text", time));
const given = (records: RecordsTable | RecordsTable[]) => gatheringOf({ records }, directory);
/** Opens the tables for one reading. */
const opening =
  <Rest extends unknown[], T>(read: (tables: OpenTables, ...rest: Rest) => Promise<T>) =>
  (gathering: Gathering, ...rest: Rest): Promise<T> =>
    withRecordTables(gathering, (tables) => read(tables, ...rest));
const latestTraces = opening(traces.latestTraces);
const typesOfTrace = opening(traces.typesOfTrace);
const digestOfTrace = opening(traces.digestOfTrace);
const recordsInWindow = opening(traces.recordsInWindow);
const TYPES = ["db_update", "email_send", "subscription_update", "parcel_send"];
const hour = (text: string): number => Date.parse(`2026-11-22T${text}Z`);

const LATEST = [
  ["db_update", { trace: "trace-3", at: hour("05:45:00") }],
  ["email_send", { trace: "trace-1", at: hour("05:00:01") }],
  ["subscription_update", { trace: "trace-4", at: hour("05:50:00") }],
];

describe("the latest trace of a type", () => {
  it("is that of the newest record that has one", async () => {
    create();
    expect([...(await latestTraces(given(TABLE), TYPES))]).toEqual(LATEST);
  });

  it("is that of the row written last where no column tells the time", async () => {
    create();
    const { at: _, ...columns } = COLUMNS;
    const latest = await latestTraces(given({ ...TABLE, columns }), ["db_update"]);
    expect([...latest]).toEqual([["db_update", { trace: "trace-3", at: null }]]);
  });

  it("is any where there is no order at all", async () => {
    create();
    run("create view v as select * from rollback_records where id = 1");
    const { at: _, ...columns } = COLUMNS;
    const latest = await latestTraces(given({ ...TABLE, table: "v", columns }), ["db_update"]);
    expect(latest.get("db_update")?.trace).toBe("trace-1");
  });

  it("is the newest of several tables, of all rows where no column names the type", async () => {
    create();
    run(...tableWith("mails", "text", "text", [[1, "trace-9", null, null, "msg-9", "2026-11-22 05:59:00"]]));
    const { type: _, ...columns } = COLUMNS;
    const mails: RecordsTable = { ...TABLE, table: "mails", columns, types: { email_send: "all" } };
    const latest = await latestTraces(given([TABLE, mails]), ["email_send"]);
    expect(latest.get("email_send")).toEqual({ trace: "trace-9", at: hour("05:59:00") });
  });
});

describe("the records of a trace", () => {
  it("are counted by type", async () => {
    create();
    expect(Object.fromEntries(await typesOfTrace(given(TABLE), "trace-1"))).toEqual({ db_update: 1, email_send: 1 });
    expect(await typesOfTrace(given(TABLE), "trace-0")).toEqual(new Map());
  });

  it("are never what a trace says in SQL", async () => {
    create();
    expect(await typesOfTrace(given(TABLE), "' or 1=1 --")).toEqual(new Map());
  });

  it("have a digest that tells every change, whatever the order", async () => {
    create();
    const before = await digestOfTrace(given(TABLE), "trace-1");
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    run("create table copy as select * from rollback_records order by id desc");
    expect(await digestOfTrace(given({ ...TABLE, table: "copy" }), "trace-1")).toBe(before);
    run("update rollback_records set external_id = 'x' where trace_id = 'trace-2'");
    expect(await digestOfTrace(given(TABLE), "trace-1")).toBe(before);
    run("update rollback_records set external_id = 'x' where id = 1");
    const changed = await digestOfTrace(given(TABLE), "trace-1");
    expect(changed).not.toBe(before);
    run("delete from rollback_records where id = 1");
    expect(await digestOfTrace(given(TABLE), "trace-1")).not.toBe(changed);
  });

  it("have a digest that tells a number from its text, and takes bytes and large numbers", async () => {
    run(
      "create table rollback_records (trace_id text, v)",
      "insert into rollback_records values ('a', 1), ('b', '1'), ('c', x'00ff'), ('d', 9223372036854775807), ('e', 9e999)",
    );
    const table = { ...TABLE, columns: { trace: "trace_id" } };
    const digests = await Promise.all(["a", "b", "c", "d", "e"].map((trace) => digestOfTrace(given(table), trace)));
    expect(new Set(digests).size).toBe(5);
  });
});

describe("the records in a window", () => {
  const SINCE = hour("05:30:00");
  const UNTIL = hour("05:50:00");

  it.each([
    ["ISO 8601", "created_at"],
    ["ISO 8601 without a zone", "replace(substr(created_at, 1, 19), 'T', ' ')"],
    ["epoch seconds", "cast(strftime('%s', created_at) as integer)"],
    ["epoch milliseconds", "cast(strftime('%s', created_at) as integer) * 1000"],
    ["epoch seconds as text", "strftime('%s', created_at)"],
  ])("are those from its beginning to just before its end: %s", async (_, expression) => {
    create("");
    run(`update rollback_records set created_at = ${expression}`);
    expect(await recordsInWindow(given(TABLE), SINCE, UNTIL)).toBe(2);
    expect(await recordsInWindow(given(TABLE), SINCE, UNTIL + 1_000)).toBe(3);
    expect(await recordsInWindow(given(TABLE), 0, 3_600_000)).toBe(0);
  });

  it("are unknown without a time, or with one that has another zone", async () => {
    create();
    const { at: _, ...columns } = COLUMNS;
    expect(await recordsInWindow(given({ ...TABLE, columns }), SINCE, UNTIL)).toBeNull();
    run("update rollback_records set created_at = '2026-11-22T05:30:00+02:00'");
    expect(await recordsInWindow(given(TABLE), SINCE, UNTIL)).toBeNull();
  });
});

describe.each([
  ["PostgreSQL", "timestamptz"],
  ["PostgreSQL", "timestamp"],
  ["MariaDB", "datetime"],
  ["MariaDB", "text"],
] as const)("traces in %s with times as %s", (name, time) => {
  const server = needs(name, async ({ schema, run }) => {
    const rows = ROWS.map(([id, trace, type, previous, reference, at]) => {
      const local = name === "MariaDB" ? (at?.slice(0, 19) ?? null) : at;
      return [id, trace, type, previous, reference, local] as const;
    });
    await run(...tableWith(`${schema}.records`, "text", time, rows));
  });
  const gathering = () => given({ ...TABLE, database: server.url, table: `${server.schema}.records` });

  it("are found, counted, digested", async () => {
    expect([...(await latestTraces(gathering(), TYPES))]).toEqual(LATEST);
    expect(Object.fromEntries(await typesOfTrace(gathering(), "trace-1"))).toEqual({ db_update: 1, email_send: 1 });
    const before = await digestOfTrace(gathering(), "trace-3");
    expect(await digestOfTrace(gathering(), "trace-3")).toBe(before);
    await server.run(`update ${server.schema}.records set previous_value = 'x' where id = 4`);
    expect(await digestOfTrace(gathering(), "trace-3")).not.toBe(before);
    expect(await recordsInWindow(gathering(), hour("05:30:00"), hour("05:50:00"))).toBe(2);
    expect(await recordsInWindow(gathering(), 0, 3_600_000)).toBe(0);
  });
});
