import { describe, expect, it, vi } from "vitest";
import { placeFor } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";
import { openPlace } from "./places.ts";
import { World } from "./world.ts";

it("a key that finds more rows than can be kept is refused, and no more are read than it takes to know", async () => {
  const world = await World.open();
  world.app.exec(`
    create table items (id integer primary key, tenant integer, note text);
    insert into items with recursive some (id) as (select 1 union all select id + 1 from some where id < 200000)
      select id, id <= 199000, 'note' from some;
  `);
  const target = { database: "sqlite:app.db", table: "items" };
  await expect(world.capturer.before(target, { tenant: 1 })).rejects.toThrow(
    "the key finds more than 1000 rows of main.items, and no more can be kept",
  );
  expect((await world.capturer.before(target, { tenant: 0 })).before).toHaveLength(1_000);
});

it("a number finds the row whose key is text, as it does for the agent's own statement", async () => {
  const world = await World.open();
  world.app.exec("create table items (id text primary key, note text); insert into items values ('7', 'a')");
  const captured = await world.capturer.before({ database: "sqlite:app.db", table: "items" }, { id: 7 });
  expect(captured.before).toEqual([["'7'", "'a'"]]);
});

it("a column that comes while the agent runs is captured too", async () => {
  const world = await World.open();
  world.app.exec("create table items (id integer primary key); insert into items values (1)");
  const target = { database: "sqlite:app.db", table: "items" };
  await world.capturer.before(target, { id: 1 });
  world.app.exec("alter table items add column note text default 'new'");
  const later = performance.now() + 1_001;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => later);
  afterThisTest(() => clock.mockRestore());
  expect((await world.capturer.before(target, { id: 1 })).before).toEqual([["1", "'new'"]]);
});

describe.each(["postgres", "mysql"] as const)("a view in %s", (dialect) => {
  const place = placeFor(dialect);

  it("is not said to be missing: what can be named instead is said", async () => {
    const { url, session, capturer } = await openPlace(place);
    await session.query("create view seen as select 1 as id");
    await expect(capturer.before({ database: url, table: "seen" }, { id: 1 })).rejects.toThrow(
      "seen is no table: only a table's rows can be taken back, so name the one under it",
    );
    await expect(capturer.before({ database: url, table: "unseen" }, { id: 1 })).rejects.toThrow(
      "table unseen does not exist",
    );
    await session.query("drop view seen");
  });
});
