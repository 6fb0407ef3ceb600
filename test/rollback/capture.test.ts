import { expect, it } from "vitest";
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
