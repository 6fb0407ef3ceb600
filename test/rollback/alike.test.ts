import { describe, expect, it } from "vitest";
import { undoRows } from "../../src/rollback/sql/undo.ts";
import { DIALECTS, placeFor } from "../ledger/ledgers.ts";
import { openPlace } from "./places.ts";
import { World } from "./world.ts";

/** What an agent does to a row of a table without a primary key, and how somebody's row comes to look like it. */
const STORIES: Record<string, { before: string[]; does: string; others: string[] }> = {
  "in which the same was done": {
    before: ["insert into notes values ('k', 'a')"],
    does: "update notes set note = 'b'",
    others: ["insert into notes values ('k', 'b')"],
  },
  "which is the same as what the agent made": {
    before: [],
    does: "insert into notes values ('k', 'b')",
    others: ["insert into notes values ('k', 'b')"],
  },
  "which was there under another key": {
    before: ["insert into notes values ('other', 'mine')"],
    does: "insert into notes values ('k', 'b')",
    others: ["update notes set place = 'k' where note = 'mine'"],
  },
};

describe.each(DIALECTS)("somebody's row with the same key, in %s", (dialect) => {
  const place = placeFor(dialect);

  it.each(Object.keys(STORIES).flatMap((name) => [false, true].map((forced) => ({ name, forced }))))(
    "is left alone, by force too: one $name (forced: $forced)",
    async ({ name, forced }) => {
      const { before, does, others } = STORIES[name] ?? { before: [], does: "", others: [] };
      const { url, session, capturer } = await openPlace(place);
      await session.query("drop table if exists notes");
      await session.query("create table notes (place varchar(9), note varchar(9))");
      for (const statement of before) await session.query(statement);
      const target = { database: url, table: "notes" };
      const found = await capturer.before(target, { place: "k" });
      await session.query(does);
      const captured = await capturer.after(target, found);
      for (const statement of others) await session.query(statement);
      const rows = () => session.query("select place, note from notes order by note");
      const now = await rows();
      const more = { target: "a", table: "notes", ignore: [], forced, resumed: false };
      const task = { id: "a", subject: { captured }, ...more };
      const why = `the key place finds 2 rows of ${captured.table}: nothing tells them apart`;
      expect((await undoRows(session, new Map(), [task])).get("a")).toEqual({ kind: "failed", why });
      expect(await rows()).toEqual(now);
      await session.query("drop table notes");
    },
  );
});

it("a row whose primary key is NULL, which SQLite lets be, is captured for no action: it could be another one", async () => {
  const world = await World.open();
  world.app.exec("create table items (id text primary key, note text)");
  world.app.exec("insert into items values (null, 'a'), (null, 'b')");
  await expect(world.capturer.before({ database: "sqlite:app.db", table: "items" }, { note: "a" })).rejects.toThrow(
    "the primary key of main.items is NULL in the rows that the key finds: nothing tells them apart",
  );
});
