import { writeFileSync } from "node:fs";
import Libsql from "libsql";
import { describe, expect, it } from "vitest";
import { World } from "../rollback/world.ts";

const UNDO = { update: { sql: { database: "sqlite:app.db", table: "accounts", key: ["id"], ignore: ["updated_at"] } } };

async function shop(): Promise<World> {
  const world = await World.open();
  world.configure({ undo: UNDO });
  world.app.exec(`
    create table accounts (id integer primary key, name text, seats integer, rate real, updated_at text default 'never');
    insert into accounts (id, name, seats, rate) values (1, 'one', 1, 0.1), (2, 'two', 2, null), (3, 'three', 3, 3.5);
  `);
  return world;
}

const seats = (world: World): unknown => world.rows("select id, seats from accounts order by id");

describe("clawproof rollback", () => {
  it("takes a trace back, newest first, and nothing else", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    await world.change("accounts", { id: 1 }, "update accounts set seats = 11, rate = 9 where id = 1");
    await world.change("accounts", { id: 2 }, "delete from accounts where id = 2");
    await world.change("accounts", { id: 4 }, "insert into accounts (id, name) values (4, 'four')");
    await world.change("accounts", { id: 3 }, "update accounts set seats = 30 where id = 3", { trace_id: "t2" });
    const before = await world.json(["rollback", "--trace", "t1", "--dry-run"]);
    expect(before).toMatchObject({
      status: 0,
      steps: ["update accounts/4 undo", "update accounts/2 undo", "update accounts/1 undo", "update accounts/1 undo"],
    });
    expect(seats(world)).toHaveLength(3);
    const after = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect(after.status).toBe(0);
    expect(after.steps.every((step) => step.endsWith("undo → undone"))).toBe(true);
    expect(world.rows("select * from accounts order by id")).toEqual([
      { id: 1, name: "one", seats: 1, rate: 0.1, updated_at: "never" },
      { id: 2, name: "two", seats: 2, rate: null, updated_at: "never" },
      { id: 3, name: "three", seats: 30, rate: 3.5, updated_at: "never" },
    ]);
    const again = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect(again).toMatchObject({
      status: 0,
      steps: Array.from({ length: 4 }, (): unknown => expect.stringContaining("done already")),
    });
  });

  it("never overwrites what somebody changed since, unless it is forced for that action", async () => {
    const world = await shop();
    const id = await world.change("accounts", { id: 1 }, "update accounts set seats = 10, rate = 1 where id = 1");
    await world.change("accounts", { id: 2 }, "update accounts set seats = 20 where id = 2");
    world.app.exec(
      "update accounts set seats = 77, updated_at = 'now' where id = 1; update accounts set name = 'zwei' where id = 2",
    );
    const { status, left } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect({ status, left }).toEqual({
      status: 1,
      left: [
        expect.objectContaining({ id, what: "conflict", why: "changed since: seats is 77 now, and was left at 10" }),
      ],
    });
    expect(seats(world)).toEqual([
      { id: 1, seats: 77 },
      { id: 2, seats: 2 },
      { id: 3, seats: 3 },
    ]);
    expect(world.rows("select name from accounts where id = 2")).toEqual([{ name: "zwei" }]);
    expect((await world.json(["rollback", "--trace", "t1", "--yes", "--force", id])).status).toBe(0);
    expect(world.rows("select seats, rate, updated_at from accounts where id = 1")).toEqual([
      { seats: 1, rate: 0.1, updated_at: "now" },
    ]);
  });

  it("carries out exactly the plan that was reviewed", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    const { plan } = await world.json(["rollback", "--since", "1h", "--dry-run"]);
    world.app.exec("update accounts set seats = 11 where id = 1");
    const refused = await world.run(["rollback", "--since", "1h", "--plan", plan]);
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/something has changed since it was reviewed.* then --plan [0-9a-f]{12}\n$/),
    });
    for (const hash of ["", plan.slice(0, 8)]) {
      const { status, stderr } = await world.run(["rollback", "--since", "1h", "--plan", hash]);
      expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining("12 hexadecimal digits") });
    }
    world.app.exec("update accounts set seats = 10 where id = 1");
    expect((await world.run(["rollback", "--since", "1h", "--plan", plan])).status).toBe(0);
    expect(seats(world)).toContainEqual({ id: 1, seats: 1 });
  });

  it("says that older actions are left where a limit was reached", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    await world.change("accounts", { id: 2 }, "update accounts set seats = 10 where id = 2");
    const limited = async (limit: string) => (await world.run(["rollback", "--dry-run", "--limit", limit])).stdout;
    expect(await limited("1")).toContain("\nthe newest alone, by --limit 1: older ones that match are left\n");
    expect(await limited("3")).not.toContain("--limit");
  });

  it("takes everything of everybody back only where somebody says so", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    for (const argv of [["--yes"], [], ["--limit", "5", "--yes"]]) {
      const { status, stderr } = await world.run(["rollback", ...argv]);
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: expect.stringContaining("say what to take back: a scope"),
      });
    }
    const { plan } = await world.json(["rollback", "--dry-run"]);
    expect((await world.json(["rollback", "--plan", plan])).status).toBe(0);
    expect((await world.json(["rollback", "all", "--yes"])).steps).toEqual(["update accounts/1 done already"]);
  });

  it("does nothing where it is interrupted before the plan is there", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    const { status, stdout } = await world.run(["rollback", "all", "--yes"], { signal: AbortSignal.abort() });
    expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
    expect(seats(world)).toContainEqual({ id: 1, seats: 10 });
  });

  it("asks for the count, and does nothing without it", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    const refused = await world.run(["rollback", "--trace", "t1"]);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("add --plan ") });
    expect(seats(world)).toContainEqual({ id: 1, seats: 10 });
  });

  it("says what is understood, in both times, with the counts", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    const { stdout, status } = await world.run(["rollback", "--since", "1h", "--dry-run"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^rollback by sqlite:actions\.db\nrows in sqlite:app\.db\nsince \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)\n1 action: 1 undo\n {2}update: 1 undo \(reversible\)\n/,
    );
    expect(stdout).toMatch(/\nplan [0-9a-f]{12}\n$/);
  });

  it.each([
    [["--trace", "t11"], "no trace t11 is known; did you mean t1? (the ledger spans "],
    [["--since", "2020-01-01T00:00Z", "--until", "2020-01-02"], "(2020-01-01 00:00:00 UTC) until 2020-01-0"],
    [["--type", "other"], "nothing matches; the ledger spans "],
    [["--trace", "t1", "--until", "2020-01-02"], "nothing in it matches the other condition until 2020-01-02 "],
    [["--since", "2020-01-02T01:00Z", "--until", "2020-01-02T00:00Z"], "(2020-01-02 01:00:00 UTC), until 2020-01-0"],
    [["--until", "3h", "--since", "1h"], "the window ends before it begins"],
    [["--since", "yesterday"], "--since takes a duration ago (3h), a clock time (03:00) or ISO 8601"],
    [["--trace", "t1", "--type", "other"], "the trace is known, but nothing in it matches the other condition"],
    [["--trace", "t1", "--force", "x"], "--force x: no such action is in this plan"],
    [["sup port"], "is no scope"],
  ])("tries nothing: %j", async (argv, words) => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    const { status, stderr } = await world.run(["rollback", ...argv, "--yes"]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(words) });
    expect(seats(world)).toContainEqual({ id: 1, seats: 10 });
  });

  it("refuses a delete that would reach further, and does it once nothing points there any more", async () => {
    const world = await shop();
    world.app.exec(
      "create table notes (id integer primary key, account integer references accounts (id) on delete cascade)",
    );
    await world.change("accounts", { id: 9 }, "insert into accounts (id, name) values (9, 'nine')");
    world.app.exec("insert into notes values (1, 9)");
    const { status, left } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect(status).toBe(1);
    expect(left[0]).toMatchObject({
      what: "conflict",
      why: "deleting it would reach further: 1 row of main.notes point at it",
    });
    expect(world.rows("select * from notes")).toHaveLength(1);
    world.app.exec("delete from notes");
    expect((await world.json(["rollback", "--trace", "t1", "--yes"])).status).toBe(0);
    expect(seats(world)).toHaveLength(3);
  });

  it("tells what never happened from what nobody knows", async () => {
    const world = await shop();
    const target = { database: "sqlite:app.db", table: "accounts" };
    const base = { trace_id: "t1", agent: "support", type: "update", effect: "write", undo: { form: "sql" } } as const;
    await world.ledger.begin({ ...base, target: "never", captured: await world.capturer.before(target, { id: 1 }) });
    await world.ledger.begin({ ...base, target: "half", captured: await world.capturer.before(target, { id: 2 }) });
    world.app.exec("update accounts set seats = 5 where id = 2");
    const { status, steps } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect({ status, steps }).toEqual({ status: 1, steps: ["update half conflict", "update never did not happen"] });
    expect(seats(world)).toContainEqual({ id: 2, seats: 5 });
  });

  it("works on what the action gave where clawproof.yaml alone names the table", async () => {
    const world = await shop();
    const act = (before: unknown, after: unknown, statement: string) =>
      world.act({ before, target: "accounts" }, () => world.app.exec(statement), { after });
    await act(
      { id: 1, seats: 1, rate: 0.1 },
      { id: 1, seats: 10, rate: 0.1 },
      "update accounts set seats = 10 where id = 1",
    );
    await act(null, { id: 5, name: "five" }, "insert into accounts (id, name) values (5, 'five')");
    await act({ id: 2, name: "two", seats: 2 }, null, "delete from accounts where id = 2");
    const { status, steps } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect({ status, steps: new Set(steps) }).toEqual({ status: 0, steps: new Set(["update accounts undo → undone"]) });
    expect(seats(world)).toEqual([
      { id: 1, seats: 1 },
      { id: 2, seats: 2 },
      { id: 3, seats: 3 },
    ]);
  });

  it("says what a person must do, and for which types nobody has a handler", async () => {
    const world = await shop();
    world.configure({ undo: { parcel_send: { irreversible: "call the carrier" } } });
    await world.act({ type: "parcel_send", target: "parcel/1" });
    await world.act({ type: "other", target: "x" });
    const { stdout, status } = await world.run(["rollback", "--trace", "t1", "--yes"]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/irreversible +parcel_send {2}parcel\/1 {2}\S+ — call the carrier/);
    expect(stdout).toMatch(/no handler +other {2}x {2}\S+ — name one under rollback\.undo/);
  });

  it("undoes nothing of a row that was damaged by hand, and all of the others", async () => {
    const world = await shop();
    const id = await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    await world.change("accounts", { id: 2 }, "update accounts set seats = 20 where id = 2");
    await world.change("accounts", { id: 3 }, "update accounts set seats = 33 where id = 3");
    const { default: Libsql } = await import("libsql");
    const file = new Libsql(world.path("actions.db"));
    file.prepare("update clawproof_actions set captured = '{\"v\":1' where id = ?").run([id]);
    file
      .prepare('update clawproof_actions set captured = \'{"v":1,"table":"x"}\' where target = \'accounts/2\'')
      .run([]);
    file.close();
    const { status, left } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect(status).toBe(1);
    expect(left.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      "conflict: what was captured is damaged",
      expect.stringMatching(/^conflict: its row in the ledger is damaged: /),
    ]);
    expect(seats(world)).toEqual([
      { id: 1, seats: 10 },
      { id: 2, seats: 20 },
      { id: 3, seats: 3 },
    ]);
  });

  it("is stopped by nothing that an action gave: text cut within a character, or JSON nested deep", async () => {
    const world = await shop();
    world.configure({ undo: { ...UNDO, set: { command: ["true"], state: { command: ["cat", "state.json"] } } } });
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1");
    const deep: unknown = JSON.parse(`${"[".repeat(2_000)}${"]".repeat(2_000)}`);
    const cut = { note: "wave \ud83d" };
    writeFileSync(world.path("state.json"), JSON.stringify(cut));
    await world.act({ type: "set", target: "a\ud83d", before: deep }, undefined, { after: cut });
    await world.act({ type: "set", target: "b", before: cut }, undefined, { after: deep });
    const { steps } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect(steps).toEqual(["set b done already", "set a\ufffd undo → failed", "update accounts/1 undo → undone"]);
  });

  it("prints what it can of an action whose times no calendar has, and plans all others", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    for (const column of ["started_at", "ended_at", "undo_until"]) {
      const id = await world.change("accounts", { id: 2 }, "update accounts set seats = 10 where id = 2");
      const far = column === "undo_until" ? "-9007199254740991" : "9007199254740991";
      const file = new Libsql(world.path("actions.db"));
      file.prepare(`update clawproof_actions set ${column} = ${far} where id = ?`).run([id]);
      file.close();
      const shown = await world.run(["ledger", "show"]);
      expect(shown).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(`${id}  DAMAGED  ${column} is no time`),
      });
      expect((await world.run(["ledger", "list", "--trace", "zz"])).stderr).toContain("no trace zz is known");
      const { steps, left } = await world.json(["rollback", "--trace", "t1", "--dry-run"]);
      expect(left).toContainEqual(expect.objectContaining({ id, what: "conflict" }));
      expect(steps).toContainEqual("update accounts/1 undo");
    }
  });

  it("does not lose a row whose effect was damaged by hand: what is not known to be a read may be a write", async () => {
    const world = await shop();
    await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
    await world.act({ type: "look", effect: "read", target: "accounts/1" });
    const { default: Libsql } = await import("libsql");
    const file = new Libsql(world.path("actions.db"));
    file.exec("update clawproof_actions set effect = 'wri' where type = 'update'");
    file.close();
    const { status, left } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect({ status, left }).toMatchObject({ status: 1, left: [{ what: "conflict" }] });
    expect(left[0]?.why).toBe('its row in the ledger is damaged: effect is "wri", which it cannot be');
  });

  it.each(["null", "{", "{}", "7"])(
    "has no handler where the kept one was damaged to %s, and undoes others",
    async (damaged) => {
      const world = await shop();
      world.configure({ undo: UNDO });
      await world.change("accounts", { id: 1 }, "update accounts set seats = 10 where id = 1");
      await world.ledger.putHandler({ agent: "support", version: null, type: "mail", undo: { command: ["true"] } });
      await world.act({ type: "mail", target: "mail/1", undo: { form: "command" } });
      const { default: Libsql } = await import("libsql");
      const file = new Libsql(world.path("actions.db"));
      file.prepare("update clawproof_meta set value = ? where key like 'undo:%'").run([damaged]);
      file.close();
      const { status, left } = await world.json(["rollback", "--trace", "t1", "--yes"]);
      expect({ status, left }).toMatchObject({ status: 1, left: [{ what: "no handler" }] });
      expect(left[0]?.why).toContain("missing or damaged: name one under rollback.undo");
      expect(seats(world)).toContainEqual({ id: 1, seats: 1 });
    },
  );

  it("leaves an older action where a newer one on its target stays and nothing can look", async () => {
    const world = await shop();
    const log = ["-e", "require('fs').appendFileSync('undone.log', 'x')"];
    world.configure({ undo: { set: { command: [process.execPath, ...log] } } });
    await world.act({ type: "set", target: "lamp/1" });
    await world.ledger.begin({ trace_id: "t1", agent: "support", type: "set", effect: "write", target: "lamp/1" });
    await world.act({ type: "set", target: "lamp/2" });
    await world.act({ type: "set", target: "lamp/3" });
    const damaged = await world.act({ type: "set", target: "lamp/3", before: "off" });
    const { default: Libsql } = await import("libsql");
    const file = new Libsql(world.path("actions.db"));
    file.prepare("update clawproof_actions set before = '{' where id = ?").run([damaged]);
    file.close();
    const { status, steps } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect({ status, steps }).toEqual({
      status: 1,
      steps: [
        "set lamp/3 conflict",
        "set lamp/3 conflict",
        "set lamp/2 undo → unverified",
        "set lamp/1 conflict",
        "set lamp/1 conflict",
      ],
    });
  });

  it("ends well where there is no ledger, and makes none", async () => {
    const world = await shop();
    world.configure({ ledger: "sqlite:nowhere.db" });
    for (const argv of [["--dry-run"], ["all", "--yes"]]) {
      const { status, stderr } = await world.run(["rollback", ...argv]);
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: expect.stringMatching(/clawproof\.yaml:1\) cannot be used: .*nowhere\.db does not exist/),
      });
    }
  });
});

describe("clawproof ledger", () => {
  it("lists actions newest first, and shows all that is recorded", async () => {
    const world = await shop();
    await world.act({ type: "first", target: "a", before: { x: 1 } });
    await world.act({ type: "second", target: "b\u001b[2J" });
    const list = await world.run(["ledger", "list"]);
    expect(list.status).toBe(0);
    expect(list.stdout).toMatch(/second {2}b \[2J {2}trace t1\n.*first {2}a {2}trace t1\n$/);
    const show = await world.run(["ledger", "show", "--type", "first"]);
    expect(show.stdout).toContain('\n  before: {"x":1}\n');
    expect(show.stdout).toMatch(/\n {2}started_at: \d{4}-\d\d-\d\d [\d:]{8} [+-]\d\d:\d\d \(.* UTC\)\n/);
    const json = await world.run(["ledger", "list", "--limit", "1", "--format", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ type: "second" });
    expect(await world.run(["ledger", "list", "--type", "third"])).toMatchObject({ status: 2, stdout: "" });
  });
});
