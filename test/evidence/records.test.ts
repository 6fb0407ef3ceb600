import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput, RecordsTable } from "../../src/config/schema.ts";
import { gatherRecords } from "../../src/evidence/records.ts";
import { needs } from "../support/servers.ts";
import { type GatheringOptions, gatheringOf, NOW } from "./records-gathering.ts";
import { COLUMNS, createSqlite, ROWS, tableWith } from "./records-tables.ts";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "clawproof-records-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const TABLE: RecordsTable = { database: "sqlite:agent.db", table: "rollback_records", columns: COLUMNS };
const create = (...statements: string[]): void => createSqlite(join(directory, "agent.db"), ...statements);
const createTable = (rows = ROWS, name = "rollback_records"): void => create(...tableWith(name, "text", "text", rows));

const gather = (rollback: ConfigInput["rollback"], options?: GatheringOptions) =>
  gatherRecords(gatheringOf(rollback, directory, options));

async function typesOf(records: RecordsTable | RecordsTable[]) {
  const fact = await gather({ records });
  if (fact.state !== "found") throw new Error(`${fact.state}: ${fact.why}`);
  return Object.fromEntries(fact.value.types.map(({ type, ...rest }) => [type, rest]));
}

async function whyOf(records: RecordsTable | RecordsTable[], options?: GatheringOptions): Promise<string> {
  const fact = await gather({ records }, options);
  if (fact.state !== "failed") throw new Error(`it is ${fact.state}`);
  return fact.why;
}

/** What the rows hold, by the requirements of the contract's own example. */
const BY_DEFAULT = {
  db_update: { total: 3, lacking: [] },
  email_send: { total: 1, lacking: [] },
  subscription_update: {
    total: 2,
    lacking: [
      { what: "a previous value or a reference", count: 1 },
      { what: "a trace ID", count: 1 },
    ],
  },
};

describe("rollback records", () => {
  it("need a previous value or a reference, and a trace ID", async () => {
    createTable();
    expect(await typesOf(TABLE)).toEqual(BY_DEFAULT);
  });

  it("need what `require` says of their type, and still a trace ID", async () => {
    createTable();
    const require = { db_update: ["previous" as const], email_send: ["reference" as const, "previous" as const] };
    const types = await typesOf({ ...TABLE, require });
    expect(types["db_update"]?.lacking).toEqual([{ what: "a previous value", count: 1 }]);
    expect(types["email_send"]?.lacking).toEqual([{ what: "a previous value", count: 1 }]);
    expect(types["subscription_update"]).toEqual(BY_DEFAULT.subscription_update);
  });

  it("need no trace ID where no column is named for it", async () => {
    createTable();
    const { trace: _, ...columns } = COLUMNS;
    const types = await typesOf({ ...TABLE, columns });
    expect(types["subscription_update"]?.lacking).toEqual([{ what: "a previous value or a reference", count: 1 }]);
  });

  it("are told as evidence, type by type", async () => {
    createTable();
    const fact = await gather({ records: TABLE });
    const source = "sqlite:agent.db rollback_records";
    const at = new Date(NOW).toISOString();
    expect(fact).toMatchObject({ state: "found", value: { source } });
    expect(fact.state === "found" && fact.evidence).toEqual(
      [
        "db_update: 3 records, 3 with a previous value or a reference",
        "email_send: 1 record, 1 with a previous value or a reference",
        "subscription_update: 2 records, 0 with a previous value or a reference and a trace ID",
        "1 record without an action type",
      ].map((fact) => ({ level: "inspected", source, fact, at })),
    );
  });

  it("are none in an empty table", async () => {
    create(...tableWith("rollback_records", "text", "text").slice(0, 1));
    expect(await typesOf(TABLE)).toEqual({});
  });

  it("are only those that `where` leaves, comments and all", async () => {
    createTable();
    const types = await typesOf({ ...TABLE, where: "id < 3 or id = 4 -- not the rest" });
    expect(types).toEqual({ db_update: { total: 2, lacking: [] }, email_send: { total: 1, lacking: [] } });
  });

  it("are all of the types that `types` gives the table", async () => {
    createTable();
    const { type: _, ...columns } = COLUMNS;
    const types = await typesOf({ ...TABLE, columns, types: { email_send: "all" } });
    expect(types).toEqual({
      email_send: {
        total: 7,
        lacking: [
          { what: "a previous value or a reference", count: 1 },
          { what: "a trace ID", count: 1 },
        ],
      },
    });
  });

  it("are summed by type over several tables", async () => {
    createTable();
    createTable(ROWS.slice(2, 5), "older");
    const types = await typesOf([TABLE, { ...TABLE, table: "older", require: { db_update: ["previous"] } }]);
    expect(types["db_update"]).toEqual({ total: 5, lacking: [{ what: "a previous value", count: 1 }] });
    expect(types["subscription_update"]?.total).toBe(3);
  });

  it("may come from a query, or a view", async () => {
    createTable();
    create("create view v as select * from rollback_records");
    const { table: _, ...rest } = TABLE;
    const query = "select * from rollback_records where action_type is not null -- named\n;\n";
    expect(await typesOf({ ...rest, query })).toEqual(BY_DEFAULT);
    expect(await typesOf({ ...TABLE, table: "v" })).toEqual(BY_DEFAULT);
  });
});

describe("rollback records that cannot be judged", () => {
  it("are absent without a section", async () => {
    expect(await gather(undefined)).toMatchObject({ state: "absent", why: "rollback.records is not configured" });
  });

  it("are withheld offline, without opening anything", async () => {
    const fact = await gather({ records: TABLE }, { mode: "offline" });
    expect(fact).toMatchObject({ state: "withheld", why: "--offline opens no database" });
  });

  it("say what is missing", async () => {
    expect(await whyOf(TABLE)).toBe("agent.db does not exist");
    createTable();
    expect(await whyOf({ ...TABLE, table: "nope" })).toBe("table nope does not exist");
    expect(await whyOf({ ...TABLE, columns: { ...COLUMNS, trace: "nope" } })).toBe("column nope does not exist");
    expect(await whyOf({ ...TABLE, columns: { ...COLUMNS, type: "nope" } })).toBe("column nope does not exist");
    expect(await whyOf([TABLE, { ...TABLE, table: "nope" }])).toBe("sqlite:agent.db nope: table nope does not exist");
  });

  it("say which column nobody named", async () => {
    createTable();
    const columns = { trace: "trace_id", type: "action_type", previous: "previous_value" };
    expect(await whyOf({ ...TABLE, columns, require: { email_send: ["reference"] } })).toBe(
      "rollback.records.columns names no reference, which require asks of email_send",
    );
    expect(await whyOf({ ...TABLE, columns: { type: "action_type" } })).toBe(
      "rollback.records.columns names neither previous nor reference, which is needed of db_update",
    );
    expect(await whyOf({ ...TABLE, columns: { previous: "previous_value" } })).toBe(
      "rollback.records names neither columns.type nor types, so no record has an action type",
    );
    expect(await whyOf({ ...TABLE, query: "select 1" })).toBe("rollback.records needs either a table or a query");
  });

  it("say that a column holds something else than types", async () => {
    const rows = Array.from({ length: 251 }, (_, id) => [id, "t", `type-${id}`, "x", null, null] as const);
    createTable(rows);
    expect(await whyOf(TABLE)).toBe("column action_type holds more than 250 different action types");
  });

  it("say that a secret is missing, and print none that is there", async () => {
    const database = "postgres://kim:${DB_PASSWORD}@127.0.0.1:1/app";
    expect(await whyOf({ ...TABLE, database })).toBe("DB_PASSWORD is not set");
    const why = await whyOf({ ...TABLE, database }, { env: { DB_PASSWORD: "hunter22/@" } });
    expect(why).toBe("connection refused at 127.0.0.1:1");
  });

  it("say that the database is locked", async () => {
    createTable();
    const agent = new Libsql(join(directory, "agent.db"));
    agent.exec("begin exclusive");
    try {
      expect(await whyOf(TABLE)).toBe("the database is locked");
    } finally {
      agent.close();
    }
  });

  it.each([
    "insert into rollback_records (id) values (9) returning id",
    "select 1) as records; delete from rollback_records; --",
    "delete from rollback_records",
    "select writefile('written.txt', id) as action_type from rollback_records",
  ])("refuse a query that writes: %s", async (query) => {
    createTable();
    const before = readFileSync(join(directory, "agent.db"));
    const { table: _, ...rest } = TABLE;
    expect(await whyOf({ ...rest, query })).toMatch(/refused|read-only|more than one statement/);
    expect(readFileSync(join(directory, "agent.db")).equals(before)).toBe(true);
  });
});

describe("rollback records in PostgreSQL", () => {
  const server = needs("PostgreSQL", async ({ schema, run }) => {
    await run(
      ...tableWith(`${schema}.plain`, "text", "text"),
      ...tableWith(`${schema}.native`, "jsonb", "timestamptz", ROWS.filter(([id]) => id < 4).map(asJson)),
      `create view ${schema}.shown as select * from ${schema}.plain where id < 7`,
      `create sequence ${schema}.numbers`,
    );
  });
  const table = (name: string): RecordsTable => ({ ...TABLE, database: server.url, table: `${server.schema}.${name}` });

  it("are judged as anywhere, in tables and views", async () => {
    expect(await typesOf(table("plain"))).toEqual(BY_DEFAULT);
    expect(await typesOf(table("shown"))).toEqual(BY_DEFAULT);
  });

  it("may be JSON, whose null is a value, and native times", async () => {
    const require = { db_update: ["previous" as const, "at" as const] };
    expect(await typesOf({ ...table("native"), require })).toEqual({
      db_update: { total: 2, lacking: [] },
      email_send: { total: 1, lacking: [] },
    });
  });

  it.each([
    (s: string) => `insert into ${s}.plain (id) values (9) returning *`,
    (s: string) => `with x as (delete from ${s}.plain returning *) select * from x`,
    (s: string) => `select *, nextval('${s}.numbers') from ${s}.plain`,
    (s: string) => `select * from ${s}.plain) as records; delete from ${s}.plain; --`,
    () => "copy (select 1) to program 'true'",
  ])("refuse a query that writes", async (write) => {
    const { table: _, ...rest } = table("plain");
    expect(await whyOf({ ...rest, query: write(server.schema) })).toMatch(/refused|read-only|more than one statement/);
    expect(await typesOf(table("plain"))).toEqual(BY_DEFAULT);
  });
});

describe("rollback records in MariaDB", () => {
  const server = needs("MariaDB", async ({ schema, run }) => {
    await run(
      ...tableWith(`${schema}.plain`, "text", "text"),
      `create table ${schema}.numbers (action_type varchar(20), trace_id int, external_id int, created_at datetime)`,
      `insert into ${schema}.numbers values ('email_send', 1, 0, '2026-11-22 05:00:00')`,
    );
  });
  const table = (name: string): RecordsTable => ({ ...TABLE, database: server.url, table: `${server.schema}.${name}` });

  it("are judged as anywhere", async () => {
    expect(await typesOf({ ...table("plain"), where: `action_type = "x" or id < 8` })).toEqual(BY_DEFAULT);
  });

  it("know that a zero is a reference", async () => {
    const columns = { trace: "trace_id", type: "action_type", reference: "external_id", at: "created_at" };
    const require = { email_send: ["reference" as const, "at" as const] };
    expect(await typesOf({ ...table("numbers"), columns, require })).toEqual({
      email_send: { total: 1, lacking: [] },
    });
  });

  it("refuse a query that writes", async () => {
    const { table: _, ...rest } = table("plain");
    for (const query of [
      `delete from ${server.schema}.plain`,
      `select * from ${server.schema}.plain) as records; delete from ${server.schema}.plain; -- `,
    ]) {
      expect(await whyOf({ ...rest, query })).toMatch(/SQL syntax/);
    }
    expect(await typesOf(table("plain"))).toEqual(BY_DEFAULT);
  });
});

/** A JSON column holds JSON or nothing: an empty text has no place in it. */
function asJson([id, trace, type, previous, reference, at]: (typeof ROWS)[number]): (typeof ROWS)[number] {
  return [id, trace, type, previous === "" ? null : previous, reference, at];
}
