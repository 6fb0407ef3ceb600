import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { needs, type TestServer } from "../support/servers.ts";
import { using, whyOf } from "./opening.ts";

/** Where the server would write, if it were let. */
const WRITTEN = join(tmpdir(), `clawproof-copy-${process.pid}`);

async function setUp({ schema, run }: TestServer): Promise<void> {
  await run(
    `create table ${schema}.t (a int, b text, c jsonb, d timestamptz, e bigint, f bytea)`,
    `insert into ${schema}.t values (1, 'one', '{"a": 1}', '2026-11-22 07:00:00+01', 9007199254740993, '\\x00ff')`,
    `create sequence ${schema}.s`,
    `create function ${schema}.writes() returns int language sql as 'insert into ${schema}.t (a) values (9) returning a'`,
    `create view ${schema}.v as select a, b from ${schema}.t`,
  );
}

describe("PostgreSQL", () => {
  const server = needs("PostgreSQL", setUp);
  const { schema } = server;
  const rowsNow = async () => (await server.run(`select count(*)::int as n from ${schema}.t`))[0]?.["n"];

  it("gives rows in the database's own form, and takes parameters", async () => {
    const rows = await using(server.url, {}, (database) =>
      database.query(`select * from ${database.quote(`${schema}.t`)} where a = $1 and b = $2`, [1, "one"]),
    );
    expect(rows).toEqual([
      { a: 1, b: "one", c: '{"a": 1}', d: "2026-11-22 06:00:00+00", e: "9007199254740993", f: Buffer.from([0, 255]) },
    ]);
  });

  it.each([
    (s: string) => `insert into ${s}.t (a) values (2)`,
    (s: string) => `update ${s}.t set a = 2`,
    (s: string) => `delete from ${s}.t`,
    (s: string) => `create table ${s}.u (a int)`,
    (s: string) => `select * into ${s}.u from ${s}.t`,
    (s: string) => `with x as (insert into ${s}.t (a) values (2) returning a) select * from x`,
    (s: string) => `select nextval('${s}.s')`,
    (s: string) => `select ${s}.writes()`,
    (s: string) => `select * from ${s}.t for update`,
    (s: string) => `select set_config('transaction_read_only', 'off', true), ${s}.writes()`,
    (s: string) => `select 1; insert into ${s}.t (a) values (2)`,
    (s: string) => `select 1; commit; insert into ${s}.t (a) values (2)`,
    () => "set default_transaction_read_only = off",
    () => `copy (select 1) to program 'cat > ${WRITTEN}'`,
    () => `copy (select 1) to '${WRITTEN}'`,
    () => "do $$ begin perform 1; end $$",
  ])("refuses to write: %s", async (write) => {
    await using(server.url, {}, async (database) => {
      expect(await whyOf(database.query(write(schema)))).toMatch(
        /read-only|only a query that reads|more than one statement|before any query/,
      );
      // The connection is as good as before.
      expect(await database.query("select 1 as one")).toEqual([{ one: 1 }]);
    });
    expect(await rowsNow()).toBe(1);
    expect(existsSync(WRITTEN)).toBe(false);
  });

  it("keeps nothing of what a read-only transaction lets through", async () => {
    const objects = async () => (await server.run("select count(*)::int as n from pg_largeobject_metadata"))[0]?.["n"];
    const before = await objects();
    await using(server.url, {}, (database) => database.query("select lo_create(0)").catch(() => []));
    expect(await objects()).toBe(before);
  });

  it("writes where it was opened to write", async () => {
    const rows = await using(server.url, { mode: "read-write" }, (database) =>
      database.query(`with x as (insert into ${schema}.t (a) values (2) returning a) select * from x`),
    );
    expect(rows).toEqual([{ a: 2 }]);
    expect(await rowsNow()).toBe(2);
    await server.run(`delete from ${schema}.t where a = 2`);
  });

  it("ends what takes too long, on the server too", async () => {
    await using(server.url, { statementTimeoutMs: 300 }, async (database) => {
      expect(await whyOf(database.query("select pg_sleep(30) as clawproof_sleeps"))).toBe(
        "the database did not answer in 300 ms",
      );
      expect(await database.query("select 1 as one")).toEqual([{ one: 1 }]);
    });
  });

  it("is left at once when the run is interrupted", async () => {
    const controller = new AbortController();
    await using(server.url, { signal: controller.signal }, async (database) => {
      const asked = whyOf(database.query("select pg_sleep(9)"));
      controller.abort();
      expect(await asked).toBe("interrupted");
    });
  });

  it.each([
    (s: string) => [`select * from ${s}.nope`, `table ${s}.nope does not exist`],
    (s: string) => [`select nope from ${s}.t`, "column nope does not exist"],
    (s: string) => [`select t.nope from ${s}.t`, "column t.nope does not exist"],
    () => ["select * from clawproof_nowhere.t", "table clawproof_nowhere.t does not exist"],
    () => ["select from from", 'the database refused: syntax error at or near "from"'],
  ])("says what is wrong with a query", async (wrong) => {
    const [query = "", why] = wrong(schema);
    expect(await whyOf(using(server.url, {}, (database) => database.query(query)))).toBe(why);
  });

  it("says what is missing, or refused, on the way in, without the password", async () => {
    const { hostname, port } = new URL(server.url);
    const ask = (url: string) => whyOf(using(url, {}, () => Promise.resolve()));
    expect(await ask(`postgres://postgres@${hostname}:${port || 5432}/clawproof_nowhere`)).toBe(
      "database clawproof_nowhere does not exist",
    );
    const refused = await ask(`postgres://clawproof_nobody:hunter22@${hostname}:${port || 5432}/test`);
    expect(refused).toContain("clawproof_nobody");
    expect(refused).not.toContain("hunter22");
  });
});

describe("a PostgreSQL that is not there", () => {
  const ask = (url: string) => whyOf(using(url, { statementTimeoutMs: 5_000 }, () => Promise.resolve()));

  it("is refused by its address", async () => {
    expect(await ask("postgres://kim:hunter22@127.0.0.1:1/app")).toBe("connection refused at 127.0.0.1:1");
    expect(await ask("postgres://kim:hunter22@localhost:1/app")).toBe("connection refused at localhost:1");
  });

  it("is named where its URL is wrong, without a word of it", async () => {
    expect(await ask("postgres://kim:hunter22@db:port/app")).not.toContain("hunter22");
  });
});
