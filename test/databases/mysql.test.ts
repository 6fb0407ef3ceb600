import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { needs, type TestServer } from "../support/servers.ts";
import { using, whyOf } from "./opening.ts";

/** Where the server would write, if it were let. */
const WRITTEN = join(tmpdir(), `clawproof-outfile-${process.pid}`);

async function setUp({ schema, run }: TestServer): Promise<void> {
  await run(
    `create table ${schema}.t (a int, b varchar(20), c json, d datetime(3), e bigint, f blob)`,
    `insert into ${schema}.t values (1, 'one', '{"a": 1}', '2026-11-22 06:00:00.5', 9007199254740993, x'00ff')`,
    `create sequence ${schema}.s`,
    `create function ${schema}.writes() returns int begin insert into ${schema}.t (a) values (9); return 9; end`,
  );
}

describe("MariaDB", () => {
  const server = needs("MariaDB", setUp);
  const { schema } = server;
  const rowsNow = async () => Number((await server.run(`select count(*) as n from ${schema}.t`))[0]?.["n"]);

  it("gives rows in the database's own form, and takes parameters", async () => {
    const rows = await using(server.url, {}, (database) =>
      database.query(`select * from ${database.quote(`${schema}.t`)} where a = ? and b = ?`, [1, "one"]),
    );
    expect(rows).toEqual([
      { a: 1, b: "one", c: '{"a": 1}', d: "2026-11-22 06:00:00.500", e: "9007199254740993", f: Buffer.from([0, 255]) },
    ]);
  });

  it.each([
    (s: string) => `insert into ${s}.t (a) values (2)`,
    (s: string) => `update ${s}.t set a = 2`,
    (s: string) => `create table ${s}.u (a int)`,
    (s: string) => `select nextval(${s}.s)`,
    (s: string) => `select ${s}.writes()`,
    (s: string) => `select * from ${s}.t into outfile '${WRITTEN}'`,
    (s: string) => `select b from ${s}.t into dumpfile '${WRITTEN}'`,
    (s: string) => `select 1; insert into ${s}.t (a) values (2)`,
    () => "set session transaction read write",
    () => "set global read_only = 0",
  ])("refuses to write: %s", async (write) => {
    await using(server.url, {}, async (database) => {
      await expect(database.query(write(schema))).rejects.toThrow(
        /read-only|only a query that reads|only reading is allowed|SQL syntax/,
      );
      expect(await database.query("select 1 as one")).toEqual([{ one: 1 }]);
    });
    expect(await rowsNow()).toBe(1);
    expect(existsSync(WRITTEN)).toBe(false);
  });

  it("takes no options from the URL that would let two statements in", async () => {
    const url = `${server.url}?multipleStatements=true&flags=MULTI_STATEMENTS`;
    const query = `select 1; insert into ${schema}.t (a) values (2)`;
    expect(await whyOf(using(url, { mode: "read-write" }, (database) => database.query(query)))).toMatch(/SQL syntax/);
    expect(await rowsNow()).toBe(1);
  });

  it("writes where it was opened to write", async () => {
    await using(server.url, { mode: "read-write" }, (database) =>
      database.query(`insert into ${schema}.t (a) values (?)`, [2]),
    );
    expect(await rowsNow()).toBe(2);
    await server.run(`delete from ${schema}.t where a = 2`);
  });

  it("ends what takes too long, on the server too", async () => {
    await using(server.url, { statementTimeoutMs: 300 }, async (database) => {
      expect(await whyOf(database.query("select sleep(30)"))).toBe("the database did not answer in 300 ms");
      expect(await database.query("select 1 as one")).toEqual([{ one: 1 }]);
    });
  });

  it("is left at once when the run is interrupted", async () => {
    const controller = new AbortController();
    await using(server.url, { signal: controller.signal }, async (database) => {
      const asked = whyOf(database.query("select sleep(9)"));
      controller.abort();
      expect(await asked).toBe("interrupted");
    });
  });

  it.each([
    (s: string) => [`select * from ${s}.nope`, "table nope does not exist"],
    (s: string) => [`select nope from ${s}.t`, "column nope does not exist"],
    (s: string) => [`select t.nope from ${s}.t`, "column t.nope does not exist"],
  ])("says what is wrong with a query", async (wrong) => {
    const [query = "", why] = wrong(schema);
    expect(await whyOf(using(server.url, {}, (database) => database.query(query)))).toBe(why);
  });

  it("says what is missing, or refused, on the way in, without the password", async () => {
    const { hostname, port } = new URL(server.url);
    const ask = (url: string) => whyOf(using(url, {}, () => Promise.resolve()));
    expect(await ask(`mysql://root@${hostname}:${port || 3306}/clawproof_nowhere`)).toBe(
      "database clawproof_nowhere does not exist",
    );
    expect(await ask(`mysql://clawproof_nobody:hunter22@${hostname}:${port || 3306}/test`)).toBe(
      "password authentication failed for user clawproof_nobody",
    );
    expect(await ask("mysql://kim:hunter22@127.0.0.1:1/app")).toBe("connection refused at 127.0.0.1:1");
  });
});
