import { describe, expect, it } from "vitest";
import { openSession } from "../../src/databases/session.ts";
import { type SqlTask } from "../../src/rollback/sql/task.ts";
import { undoRows } from "../../src/rollback/sql/undo.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { afterThisTest } from "../support/ending.ts";
import { needs, type TestServer } from "../support/servers.ts";
import { World } from "./world.ts";

const YES = ["rollback", "--trace", "t1", "--yes"];
const TABLE = { database: "sqlite:app.db", table: "accounts" };

async function shop(key = ["id"]): Promise<World> {
  const world = await World.open();
  world.configure({ undo: { update: { sql: { ...TABLE, key } } } });
  world.app.exec(`
    create table accounts (id integer primary key, name text, seats integer, status text default 'new');
    insert into accounts (id, name, seats) values (1, 'one', 1), (2, 'two', 2);
  `);
  return world;
}

describe("a key that the database spells otherwise", () => {
  it("finds what an action made that never ended: it is not said that it did not happen", async () => {
    const world = await shop();
    const base = { trace_id: "t1", agent: "support", type: "update", effect: "write", undo: { form: "sql" } } as const;
    await world.ledger.begin({ ...base, target: "half", captured: await world.capturer.before(TABLE, { id: "7" }) });
    await world.ledger.begin({ ...base, target: "never", captured: await world.capturer.before(TABLE, { id: "8" }) });
    world.app.exec("insert into accounts (id, name) values (7, 'seven')");
    const { status, steps } = await world.json(YES);
    expect({ status, steps }).toEqual({ status: 1, steps: ["update never did not happen", "update half conflict"] });
  });

  it("finds the row that an action gave, which is taken away", async () => {
    const world = await shop();
    const made = (id: string) =>
      world.act(
        { before: null, target: id },
        () => world.app.exec(`insert into accounts (id, name) values (${id}, 'x')`),
        {
          after: { id, name: "x" },
        },
      );
    await made("7");
    await made("08");
    await made("+9");
    const gone = await made("010");
    world.app.exec("delete from accounts where id = 10");
    const { status, steps, left } = await world.json(YES);
    expect({ status, left }).toEqual({ status: 0, left: [] });
    expect(gone).toBeTruthy();
    expect(steps).toEqual([
      "update 010 done already",
      "update +9 undo → undone",
      "update 08 undo → undone",
      "update 7 undo → undone",
    ]);
    expect(world.rows("select id from accounts")).toEqual([{ id: 1 }, { id: 2 }]);
  });

  const servers: [string, TestServer, string, string][] = [
    ["PostgreSQL", needs("PostgreSQL"), "uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
    ["MariaDB", needs("MariaDB"), "varchar(40) collate utf8mb4_general_ci", "ANN"],
  ];
  it.each(servers)("does so in %s", async (_, server, type, key) => {
    const table = `${server.schema}.things`;
    await server.run(
      `create table ${table} (id ${type} primary key, name varchar(9))`,
      `insert into ${table} values ('${key.toLowerCase()}', 'new')`,
    );
    const session = await openSession(server.url, { directory: "/", secrets: NO_SECRETS, statementTimeoutMs: 5_000 });
    afterThisTest(() => session.close());
    const task = (id: string, before: object | null, after: object | null): SqlTask => {
      const given = { key: ["id"], before: before as never, after: after as never };
      return { id, target: id, table, subject: { given }, ignore: [], forced: false, resumed: false };
    };
    const tasks = [
      task("newer", { id: key, name: "old" }, { id: key, name: "new" }),
      task("older", null, { id: key, name: "old" }),
    ];
    const outcomes = await undoRows(session, new Map(), tasks);
    expect(Object.fromEntries(outcomes)).toEqual({ newer: { kind: "undone" }, older: { kind: "undone" } });
    expect(await server.run(`select * from ${table}`)).toEqual([]);
  });
});

describe("a row that actions gave", () => {
  it("is the same one for those whose rows were captured", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1");
    await world.change("accounts", { id: 1 }, "update accounts set seats = 1 where id = 1");
    await world.act(
      { before: { id: 1, seats: 1 } },
      () => world.app.exec("update accounts set seats = 5 where id = 1"),
      {
        after: { id: 1, seats: 5 },
      },
    );
    expect(await world.json(YES)).toMatchObject({ status: 0, left: [] });
    expect(world.rows("select seats from accounts where id = 1")).toEqual([{ seats: 1 }]);
  });

  it("may be given in different parts", async () => {
    const world = await shop();
    await world.act({ before: null }, () => world.app.exec("insert into accounts (id, name) values (7, 'x')"), {
      after: { id: 7, name: "x" },
    });
    await world.act(
      { before: { id: 7, status: "new" } },
      () => world.app.exec("update accounts set status = 'old' where id = 7"),
      { after: { id: 7, status: "old" } },
    );
    expect(await world.json(YES)).toMatchObject({ status: 0, left: [] });
    expect(world.rows("select id from accounts")).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("is left where its key finds more than one: the others are somebody else's", async () => {
    const world = await shop(["name"]);
    world.app.exec("insert into accounts (id, name, seats) values (3, 'one', 1)");
    await world.act(
      { before: { name: "one", seats: 1 } },
      () => world.app.exec("update accounts set seats = 5 where id = 1"),
      {
        after: { name: "one", seats: 5 },
      },
    );
    const { status, left } = await world.json(YES);
    expect({ status, why: left[0]?.why }).toEqual({
      status: 1,
      why: "it could not be looked at: the key name finds 2 rows of main.accounts: nothing tells them apart",
    });
    expect(world.rows("select id, seats from accounts")).toEqual([
      { id: 1, seats: 5 },
      { id: 2, seats: 2 },
      { id: 3, seats: 1 },
    ]);
  });
});
