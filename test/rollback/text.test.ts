import Libsql from "libsql";
import { describe, expect, it } from "vitest";
import { World } from "./world.ts";

const YES = ["rollback", "--trace", "t1", "--yes"];

/** What SQLite keeps as text without asking: as bytes, in a file of UTF-8. */
const TEXTS = ["61ff62", "c3", "6180", "eda080", "610062ff", "efbbbf61", "c3a9e282ac", "", "00", "4e41"];

describe("SQLite's text", () => {
  // The driver ends the whole process at bytes that are no UTF-8, and it runs in the agent.
  it.each(["text", "text, rate real default 0.5"])("comes back whatever its bytes are, beside %s", async (columns) => {
    const world = await World.open();
    world.configure({ undo: { update: { sql: { database: "sqlite:app.db", table: "items", key: ["id"] } } } });
    world.app.exec(`create table items (id integer primary key, note ${columns})`);
    for (const bytes of TEXTS) world.app.exec(`insert into items (note) values (cast(x'${bytes}' as text))`);
    const hex = "select id, typeof(note) as type, hex(note) as note from items order by id";
    const before = world.rows(hex);
    for (let id = 1; id <= TEXTS.length; id++) {
      const statement = id % 2 === 0 ? "delete from items" : "update items set note = cast(x'fe' as text)";
      await world.change("items", { id }, `${statement} where id = ${id}`);
    }
    expect(world.rows(hex)).not.toEqual(before);
    expect(await world.json(YES)).toMatchObject({ status: 0, left: [] });
    expect(world.rows(hex)).toEqual(before);
  });

  it.each(["UTF-16le", "UTF-16be"])("comes back from a file of %s", async (encoding) => {
    const world = await World.open();
    world.configure({ undo: { update: { sql: { database: "sqlite:app.db", table: "items", key: ["id"] } } } });
    const made = new Libsql(world.path("app.db"));
    made.exec(`pragma encoding = '${encoding}'; create table items (id integer primary key, note text)`);
    made.close();
    world.app.exec("insert into items (note) values ('ü€😀'), ('AN'), ('䅎'), ('it''s')");
    const hex = "select id, hex(cast(note as blob)) as note from items order by id";
    const before = world.rows(hex);
    for (const id of [1, 2, 3, 4]) await world.change("items", { id }, `update items set note = 'x' where id = ${id}`);
    expect(await world.json(YES)).toMatchObject({ status: 0, left: [] });
    expect(world.rows(hex)).toEqual(before);
  });
});
