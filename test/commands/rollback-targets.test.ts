import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import Libsql from "libsql";
import { describe, expect, it } from "vitest";
import { afterThisTest } from "../support/ending.ts";
import { World } from "../rollback/world.ts";

/** What was done to one target is taken back newest first, or not at all. */

const YES = ["rollback", "--trace", "t1", "--yes"];

/** A world whose undo notes each target's reference in a file. */
async function noting(): Promise<World> {
  const world = await World.open();
  writeFileSync(
    world.path("undo.mjs"),
    `import { appendFileSync } from "node:fs"; import { json } from "node:stream/consumers";
     const { reference } = await json(process.stdin);
     appendFileSync("undone.txt", reference + "\\n");`,
  );
  world.configure({ undo: { set: { command: [process.execPath, "undo.mjs"] } } });
  return world;
}

const undone = (world: World): string[] =>
  existsSync(world.path("undone.txt")) ? readFileSync(world.path("undone.txt"), "utf8").trim().split("\n") : [];

describe("older actions on a target", () => {
  it("wait while another run holds a newer one", async () => {
    const world = await noting();
    for (const reference of ["first", "second"])
      await world.act({ type: "set", target: "door" }, undefined, { reference });
    const newest = await world.act({ type: "set", target: "door" }, undefined, { reference: "third" });
    await world.act({ type: "set", target: "window" }, undefined, { reference: "open" });
    const other = await world.ledger.startRun({ owner: "eve" });
    await world.ledger.turn(other.id, { wanted: [{ ids: [newest], from: ["none"] }] });
    const { status, steps, left } = await world.json(YES);
    expect(status).toBe(1);
    expect(steps.map((step) => step.replace(/ undo /, " "))).toEqual([
      "set window → unverified",
      "set door → held",
      "set door → blocked",
      "set door → blocked",
    ]);
    expect(left.find(({ what }) => what === "held")?.why).toContain("eve is undoing it");
    expect(undone(world)).toEqual(["open"]);

    await world.ledger.turn(other.id, { ends: [{ id: newest, status: "undone" }] });
    await world.json(YES);
    expect(undone(world)).toEqual(["open", "second", "first"]);
  });

  it("wait where a newer one in another database fails", async () => {
    const world = await World.open();
    const other = new Libsql(world.path("other.db"));
    afterThisTest(() => void other.close());
    other.exec("create table notes (id integer primary key, text text)");
    other.exec("insert into notes values (1, 'old')");
    world.app.exec("create table accounts (id integer primary key, seats integer)");
    world.app.exec("insert into accounts values (1, 1), (2, 1)");
    world.configure({
      undo: {
        update: { sql: { database: "sqlite:app.db", table: "accounts", key: ["id"] } },
        note: { sql: { database: "sqlite:other.db", table: "notes", key: ["id"] } },
      },
    });
    await world.change("accounts", { id: 2 }, "update accounts set seats = 9 where id = 2", { target: "customer/2" });
    await world.change("accounts", { id: 1 }, "update accounts set seats = 9 where id = 1", { target: "customer/1" });
    const given = { before: { id: 1, text: "old" }, target: "customer/1", type: "note" };
    const write = (): unknown => other.exec("update notes set text = 'new' where id = 1");
    await world.act(given, write, { after: { id: 1, text: "new" } });
    // Newer than that, and in the first database: which one the steps begin with must not matter.
    await world.change("accounts", { id: 2 }, "update accounts set seats = 10 where id = 2", { target: "customer/2" });
    other.exec("create trigger kept before update on notes begin select raise(abort, 'it stays'); end");
    expect(await world.json(YES)).toMatchObject({
      status: 1,
      steps: [
        "update customer/2 undo → undone",
        "note customer/1 undo → failed",
        "update customer/1 undo → blocked",
        "update customer/2 undo → undone",
      ],
    });
    expect(world.rows("select seats from accounts order by id")).toEqual([{ seats: 9 }, { seats: 1 }]);
    other.exec("drop trigger kept");
    expect((await world.json(YES)).status).toBe(0);
    expect(world.rows("select seats from accounts order by id")).toEqual([{ seats: 1 }, { seats: 1 }]);
  });
});

it("actions on the same rows meet, however the URLs of their database are spelled", async () => {
  const world = await World.open();
  world.app.exec("create table accounts (id integer primary key, seats integer); insert into accounts values (1, 1)");
  const sql = (database: string) => ({ sql: { database, table: "accounts", key: ["id"] } });
  symlinkSync(world.path("app.db"), world.path("link.db"));
  const undo = { update: sql("sqlite:app.db"), dot: sql("sqlite:./app.db"), link: sql("sqlite:link.db") };
  world.configure({ undo: { ...undo, whole: sql(`sqlite:${world.path("app.db")}`) } });
  for (const [index, type] of ["dot", "update", "link", "whole", "update"].entries()) {
    const statement = `update accounts set seats = ${index % 2 === 0 ? 5 : 6} where id = 1`;
    await world.change("accounts", { id: 1 }, statement, { type, target: `${index}` });
  }
  const { status, steps, left } = await world.json(YES);
  expect({ status, left }).toEqual({ status: 0, left: [] });
  expect(steps.every((step) => step.endsWith("undo → undone"))).toBe(true);
  expect(world.rows("select seats from accounts")).toEqual([{ seats: 1 }]);
});

describe("what somebody changes while a run goes on", () => {
  /** The newest action's undo changes a row, as a colleague would at that moment. */
  async function disturbed(statement: string): Promise<World> {
    const world = await noting();
    world.app.exec("create table accounts (id integer primary key, seats integer)");
    world.app.exec("insert into accounts values (1, 1)");
    const libsql = JSON.stringify(import.meta.resolve("libsql"));
    writeFileSync(
      world.path("disturb.mjs"),
      `import Libsql from ${libsql}; const app = new Libsql("app.db"); app.exec(${JSON.stringify(statement)}); app.close();`,
    );
    const command = (file: string) => ({ command: [process.execPath, file] });
    const sql = { database: "sqlite:app.db", table: "accounts", key: ["id"] };
    world.configure({ undo: { update: { sql }, set: command("undo.mjs"), disturb: command("disturb.mjs") } });
    return world;
  }
  const seats = (world: World): unknown => world.rows("select seats from accounts");

  it("holds up what is older on its target, where nothing can look", async () => {
    const world = await disturbed("update accounts set seats = 99");
    await world.act({ type: "set", target: "door" }, undefined, { reference: "older" });
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1", { target: "door" });
    await world.act({ type: "disturb", target: "other" });
    const { status, steps } = await world.json(YES);
    expect({ status, steps }).toEqual({
      status: 1,
      steps: ["disturb other undo → unverified", "update door undo → conflict", "set door undo → blocked"],
    });
    expect(undone(world)).toEqual([]);
    expect(seats(world)).toEqual([{ seats: 99 }]);
  });

  it("is theirs to older actions too, though another transaction or another run comes to those", async () => {
    const world = await disturbed("update accounts set seats = 2");
    await world.change("accounts", { id: 1 }, "update accounts set seats = 2 where id = 1", { target: "a" });
    await world.act({ type: "set", target: "between" }, undefined, { reference: "between" });
    await world.change("accounts", { id: 1 }, "update accounts set seats = 3 where id = 1", { target: "b" });
    await world.act({ type: "disturb", target: "other" });
    const { status, steps } = await world.json(YES);
    expect({ status, steps: steps.filter((step) => step.startsWith("update")) }).toEqual({
      status: 1,
      steps: ["update b undo → already", "update a undo → conflict"],
    });
    const again = await world.json(YES);
    expect(again.steps.filter((step) => step.startsWith("update"))).toEqual([
      "update b done already",
      "update a conflict",
    ]);
    expect(seats(world)).toEqual([{ seats: 2 }]);
  });
});
