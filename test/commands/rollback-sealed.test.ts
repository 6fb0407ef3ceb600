import { describe, expect, it } from "vitest";
import { openLedger } from "../../src/ledger/open.ts";
import type { Sealing } from "../../src/ledger/sealing-fields.ts";
import { afterThisTest } from "../support/ending.ts";
import { World } from "../rollback/world.ts";

/** Ledgers whose fields are redacted or encrypted: what is not there is never put back. */

const UNDO = { update: { sql: { database: "sqlite:app.db", table: "accounts", key: ["id"] } } };
const SECRET = Buffer.alloc(32, 7).toString("base64");

async function sealedShop(sealing: Sealing): Promise<World> {
  const world = await World.open();
  await world.ledger.close();
  world.ledger = await openLedger("sqlite:actions.db", { directory: world.directory, ...sealing });
  afterThisTest(() => world.ledger.close());
  world.configure({ undo: UNDO });
  world.app.exec("create table accounts (id integer primary key, seats integer, card text)");
  world.app.exec("insert into accounts values (1, 1, 'visa'), (2, 2, 'master')");
  return world;
}

const rows = (world: World): unknown => world.rows("select * from accounts order by id");
const given = (world: World, before: unknown, after: unknown, statement: string): Promise<string> =>
  world.act({ before, target: "accounts" }, () => world.app.exec(statement), { after });
const YES = ["rollback", "--trace", "t1", "--yes"];
const WORDS = "what its rows held was redacted in the ledger and cannot be put back, by --force neither: do it by hand";

describe("redacted fields", () => {
  it("of rows that were given are a conflict, forced or not, and the others are put back", async () => {
    const world = await sealedShop({ redact: ["card"] });
    const changed = "update accounts set card = 'amex' where id = 1";
    const id = await given(world, { id: 1, card: "visa" }, { id: 1, card: "amex" }, changed);
    await given(world, { id: 2, seats: 2 }, { id: 2, seats: 9 }, "update accounts set seats = 9 where id = 2");
    const next = expect.not.stringContaining("--force") as string;
    const left = [expect.objectContaining({ id, what: "conflict", why: WORDS, next })];
    expect(await world.json(YES)).toMatchObject({ status: 1, left });
    expect(await world.json([...YES, "--force", id])).toMatchObject({ status: 1, left });
    expect(rows(world)).toEqual([
      { id: 1, seats: 1, card: "amex" },
      { id: 2, seats: 2, card: "master" },
    ]);
  });

  it("keep a row that the action made from being deleted: nobody could see what was changed in it", async () => {
    const world = await sealedShop({ redact: ["card"] });
    await given(world, null, { id: 3, card: "visa" }, "insert into accounts (id, card) values (3, 'visa')");
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "conflict", why: WORDS }] });
    expect(rows(world)).toHaveLength(3);
  });

  it("of captured rows are a conflict", async () => {
    const world = await sealedShop({ redact: ["/captured"] });
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1");
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "conflict", why: WORDS }] });
    expect(rows(world)).toContainEqual({ id: 1, seats: 5, card: "visa" });
  });

  it("of captured rows, by the column's name, are a conflict where the action changed them, and nothing of them is kept", async () => {
    const world = await sealedShop({ redact: ["card"] });
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1");
    const id = await world.change("accounts", { id: 2 }, "update accounts set card = 'amex' where id = 2");
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ id, what: "conflict", why: WORDS }] });
    expect(rows(world)).toEqual([
      { id: 1, seats: 1, card: "visa" },
      { id: 2, seats: 2, card: "amex" },
    ]);
    const { stdout } = await world.run(["ledger", "show"]);
    expect(stdout).not.toMatch(/visa|master|amex/);
  });

  it("go to a command as the record has them, and what cannot be compared is unverified", async () => {
    const world = await sealedShop({ redact: ["card"] });
    const echo = "process.stdin.on('data', (text) => require('fs').writeFileSync('given.json', text))";
    const state = { command: [process.execPath, "-e", "console.log(JSON.stringify({ card: 'amex' }))"] };
    world.configure({ undo: { update: { command: [process.execPath, "-e", echo], state } } });
    await given(world, { card: "visa" }, { card: "amex" }, "select 1");
    expect(await world.json(YES)).toMatchObject({
      left: [{ what: "unverified", why: "its `before` was redacted: nothing to compare" }],
    });
    const { readFileSync } = await import("node:fs");
    expect(JSON.parse(readFileSync(world.path("given.json"), "utf8"))).toMatchObject({
      before: { card: { $clawproof: "redacted" } },
    });
  });
});

describe("encrypted fields", () => {
  const sealing = { encrypt: ["/captured"], keys: [{ id: "k1", secret: SECRET }] };
  const withKey = (key: string | undefined) => ({ env: { CLAWPROOF_LEDGER_KEY: key } });

  it("open with the key of the environment", async () => {
    const world = await sealedShop(sealing);
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1");
    expect((await world.run(YES, withKey(`k1:${SECRET}`))).status).toBe(0);
    expect(rows(world)).toContainEqual({ id: 1, seats: 1, card: "visa" });
    const { stdout } = await world.run(["ledger", "show"], withKey(`k1:${SECRET}`));
    expect(stdout).not.toContain("sealed");
  });

  it("may be columns of captured rows", async () => {
    const world = await sealedShop({ ...sealing, encrypt: ["card"] });
    await world.change("accounts", { id: 1 }, "update accounts set card = 'amex' where id = 1");
    expect((await world.run(["ledger", "show"])).stdout).not.toMatch(/visa|amex/);
    expect((await world.run(YES, withKey(`k1:${SECRET}`))).status).toBe(0);
    expect(rows(world)).toContainEqual({ id: 1, seats: 1, card: "visa" });
  });

  it("are in no words that the ledger keeps about an undo", async () => {
    const world = await sealedShop({ ...sealing, encrypt: ["card"] });
    const id = await world.change("accounts", { id: 1 }, "update accounts set card = 'amex' where id = 1");
    world.app.exec(
      "create trigger kept after update on accounts begin update accounts set card = 'diners' where id = new.id; end",
    );
    const { status, stdout } = await world.run(YES, withKey(`k1:${SECRET}`));
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining("it is 'diners' and not 'visa'") });
    const { stdout: kept } = await world.run(["ledger", "show", "--format", "json"]);
    expect(kept).toContain(id);
    expect(kept).toContain("the run that tried it said why");
    expect(kept).not.toMatch(/visa|amex|diners/);
  });

  it.each([
    [undefined, 'captured is encrypted under the key "k1", which is not given'],
    [`k2:${SECRET}`, 'captured is encrypted under the key "k1", which is not given'],
    [`k1:${Buffer.alloc(32, 8).toString("hex")}`, 'captured does not open with the key given as "k1"'],
  ])("stay closed with the key %s, and the row says why", async (key, words) => {
    const world = await sealedShop(sealing);
    await world.change("accounts", { id: 1 }, "update accounts set seats = 5 where id = 1");
    const { status, stdout } = await world.run(YES, withKey(key));
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining(words) });
    expect(rows(world)).toContainEqual({ id: 1, seats: 5, card: "visa" });
  });

  it.each(["k1", `:${SECRET}`, "k1:short", SECRET])("a key that is none is refused, and not shown", async (key) => {
    const world = await sealedShop(sealing);
    for (const argv of [YES, ["ledger", "list"], ["rollback", "--dry-run"]]) {
      const { status, stderr } = await world.run(argv, withKey(key));
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: expect.stringContaining("CLAWPROOF_LEDGER_KEY is not ID:SECRET, the secret 32 bytes in"),
      });
      expect(stderr).not.toContain(key);
    }
  });
});

it("the plan says where it works on what the action itself gave", async () => {
  const world = await sealedShop({});
  await given(world, { id: 1, seats: 1 }, { id: 1, seats: 5 }, "update accounts set seats = 5 where id = 1");
  await world.change("accounts", { id: 2 }, "update accounts set seats = 6 where id = 2");
  const { stdout, status } = await world.run(["rollback", "--trace", "t1", "--dry-run"]);
  const lines = stdout.split("\n").filter((line) => line.includes("  undo "));
  expect(status).toBe(0);
  expect(lines.map((line) => line.endsWith(" — by the `before` and `after` that the action gave"))).toEqual([
    false,
    true,
  ]);
});
