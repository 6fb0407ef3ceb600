import { describe, expect, it } from "vitest";
import { undoRows } from "../../src/rollback/sql/undo.ts";
import { DIALECTS, placeFor } from "../ledger/ledgers.ts";
import { openPlace } from "./places.ts";
import { World } from "./world.ts";

/** What an action does to a tree whose rows point at each other, and what is there before it. */
const ACTIONS: Record<string, { before?: string[]; does: string[] }> = {
  "made a parent and its children": {
    does: ["insert into tree values (5, null, 1)", "insert into tree values (3, 5, 1), (9, 5, 1), (1, 3, 1)"],
  },
  "made a row that points at itself": { does: ["insert into tree values (5, 5, 1)"] },
  "took away a parent and its children": {
    before: ["insert into tree values (5, null, 1)", "insert into tree values (3, 5, 1), (1, 3, 1)"],
    does: ["delete from tree where id = 1", "delete from tree where id = 3", "delete from tree where id = 5"],
  },
  "moved a child to a parent that it made, from one that it took away": {
    before: ["insert into tree values (5, null, 1)", "insert into tree values (6, 5, 1)"],
    does: [
      "insert into tree values (7, null, 1)",
      "update tree set parent = 7 where id = 6",
      "delete from tree where id = 5",
    ],
  },
  "made more children than are looked at otherwise": {
    does: [
      "insert into tree values (100, null, 1)",
      `insert into tree values ${Array.from({ length: 30 }, (_, index) => `(${index + 1}, 100, 1)`).join()}`,
    ],
  },
};

describe.each(DIALECTS)("rows of one action that point at each other, in %s", (dialect) => {
  const place = placeFor(dialect);

  // InnoDB itself deletes no row that points at itself.
  const names = Object.keys(ACTIONS).filter((name) => dialect !== "mysql" || !name.includes("itself"));

  it.each(names)("come back and go in an order that leaves none behind: it %s", async (name) => {
    const { before = [], does } = ACTIONS[name] ?? { does: [] };
    const { url, session, capturer } = await openPlace(place);
    const run = async (...statements: string[]): Promise<void> => {
      await session.transaction(async () => {
        for (const statement of statements) await session.query(statement);
        return { commit: true };
      });
    };
    await run("drop table if exists tree");
    await run(
      "create table tree (id int primary key, parent int, batch int, foreign key (parent) references tree (id))",
    );
    if (before.length > 0) await run(...before);
    const rows = () => session.query("select id, parent from tree order by id");
    const first = await rows();
    const target = { database: url, table: "tree" };
    const found = await capturer.before(target, { batch: 1 });
    await run(...does);
    const captured = await capturer.after(target, found);
    const task = {
      id: "a",
      target: "a",
      table: "tree",
      subject: { captured },
      ignore: [],
      forced: false,
      resumed: false,
    };
    const outcomes = await undoRows(session, new Map(), [task]);
    expect(outcomes.get("a")).toEqual({ kind: "undone" });
    expect(await rows()).toEqual(first);
    await run("drop table tree");
  });
});

it("a child that another action made still keeps its parent there, in the plan as in the run", async () => {
  const world = await World.open();
  world.configure({ undo: { update: { sql: { database: "sqlite:app.db", table: "tree", key: ["batch"] } } } });
  world.app.exec("create table tree (id integer primary key, parent integer references tree (id), batch int)");
  await world.change("tree", { batch: 1 }, "insert into tree values (1, null, 1), (2, 1, 1), (3, 3, 1)");
  world.app.exec("insert into tree values (4, 2, 2)");
  const why = "deleting it would reach further: 1 row of main.tree point at it";
  expect((await world.json(["rollback", "--trace", "t1", "--yes"])).left).toMatchObject([{ what: "conflict", why }]);
  expect(world.rows("select id from tree")).toHaveLength(4);
  world.app.exec("delete from tree where id = 4");
  expect((await world.json(["rollback", "--trace", "t1", "--yes"])).status).toBe(0);
  expect(world.rows("select id from tree")).toEqual([]);
});
