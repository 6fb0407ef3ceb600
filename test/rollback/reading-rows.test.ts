import { expect, it, vi } from "vitest";
import { openSession } from "../../src/databases/session.ts";
import { type SqlOutcome, undoRows } from "../../src/rollback/sql/undo.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { afterThisTest } from "../support/ending.ts";
import { World } from "./world.ts";

const TABLE = { database: "sqlite:app.db", table: "accounts" };

/** What is selected from the table while an action on it is undone. */
async function selectedFor(act: string): Promise<{ selected: string[]; outcome: SqlOutcome | undefined }> {
  const world = await World.open();
  world.app.exec("create table accounts (id integer primary key, plan text, notes text)");
  world.app.exec("insert into accounts values (1, 'none', 'a long story')");
  const before = await world.capturer.before(TABLE, { id: 1 });
  world.app.exec(act);
  const captured = await world.capturer.after(TABLE, before);
  const session = await openSession("sqlite:app.db", {
    directory: world.directory,
    secrets: NO_SECRETS,
    statementTimeoutMs: 5_000,
  });
  afterThisTest(() => session.close());
  const query = vi.spyOn(session, "query");
  const task = { id: "a", target: "1", table: "accounts", ignore: [], forced: false, resumed: false };
  const outcomes = await undoRows(session, new Map(), [{ ...task, subject: { captured } }]);
  const selected = query.mock.calls.flatMap(([text]) =>
    /select .* from "?main"?\."?accounts/.test(text) ? [text] : [],
  );
  return { selected, outcome: outcomes.get("a") };
}

it("of a row that an action changed no more is read than it changed, before and after it is put back", async () => {
  const { selected, outcome } = await selectedFor("update accounts set plan = 'plus' where id = 1");
  expect(outcome).toEqual({ kind: "undone" });
  expect(selected).toHaveLength(2);
  for (const text of selected) {
    expect(text).toContain("plan");
    expect(text).not.toContain("notes");
  }
});

it("a row that an action took away is looked at whole", async () => {
  const { selected, outcome } = await selectedFor("delete from accounts where id = 1");
  expect(outcome).toEqual({ kind: "undone" });
  expect(selected).toHaveLength(2);
  for (const text of selected) expect(text).toContain("notes");
});
