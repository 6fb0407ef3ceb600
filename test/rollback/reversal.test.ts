import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { afterThisTest } from "../support/ending.ts";
import { World } from "./world.ts";

/**
 * What revoco's own tests (github.com/rsh1k/revoco, tests/test_reversal.py, test_adapters.py, test_controlplane.py) demand of
 * taking back, in our words: the same outcome or a better one. Its published scenarios are in scenarios.test.ts.
 */

const SUPPLIER = { update: { sql: { database: "sqlite:app.db", table: "suppliers", key: ["id"] } } };
const YES = ["rollback", "--trace", "t1", "--yes"];

async function northwind(more: object = {}): Promise<World> {
  const world = await World.open();
  world.configure({ undo: { ...SUPPLIER, ...more } });
  world.app.exec("create table suppliers (id integer primary key, iban text, blocked integer default 0)");
  world.app.exec("insert into suppliers values (1, 'DE1', 0), (2, 'DE2', 0)");
  return world;
}

const repoint = (world: World, id: number, iban: string): Promise<string> =>
  world.change("suppliers", { id }, `update suppliers set iban = '${iban}' where id = ${id}`);
const ibans = (world: World): unknown[] => world.rows("select iban from suppliers order by id");

/** A command that adds its target to a file, and fails for the target `bad`. */
const noting = (world: World): object => {
  writeFileSync(
    world.path("undo.mjs"),
    `import { appendFileSync } from "node:fs"; import { json } from "node:stream/consumers";
     const { target, reference } = await json(process.stdin);
     if (target === "bad") { console.error("refused"); process.exit(1); }
     appendFileSync("undone.txt", target + " " + reference + "\\n");`,
  );
  return { command: [process.execPath, "undo.mjs"] };
};
const undone = (world: World): string[] => readFileSync(world.path("undone.txt"), "utf8").trim().split("\n");

describe("revoco's demands of taking back", () => {
  it("vendor bank fraud: the supplier's account is back, the payment is named for a person", async () => {
    const world = await northwind({ pay: { irreversible: "recall the wire at the bank" } });
    await repoint(world, 1, "XX9");
    await world.act({ type: "pay", target: "INV-7781" });
    const { status, stdout } = await world.run(YES);
    expect(status).toBe(1);
    expect(stdout).toContain("recall the wire at the bank");
    expect(ibans(world)).toEqual([{ iban: "DE1" }, { iban: "DE2" }]);
  });

  it("a cascade undoes newest first, so that what was changed twice ends as it began", async () => {
    const world = await northwind();
    for (const iban of ["XX1", "XX2", "XX3"]) await repoint(world, 1, iban);
    expect((await world.json(YES)).status).toBe(0);
    expect(ibans(world)).toEqual([{ iban: "DE1" }, { iban: "DE2" }]);
  });

  it("undoing twice applies nothing twice; better: it is no error, and says that it is done", async () => {
    const world = await northwind();
    await repoint(world, 1, "XX9");
    await world.json(YES);
    world.app.exec("update suppliers set iban = 'XX9' where id = 1");
    expect(await world.json(YES)).toMatchObject({ status: 0, steps: ["update suppliers/1 done already"] });
    expect(ibans(world)).toContainEqual({ iban: "XX9" });
  });

  it("what nobody registered is no handler, never taken for reversible", async () => {
    const world = await northwind();
    await world.act({ type: "drop_table", target: "orders" });
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "no handler" }] });
  });

  it("a phantom rollback, whose prior state was never captured, is a conflict before anything is tried", async () => {
    const world = await northwind();
    await world.act({ target: "suppliers/1" }, () => world.app.exec("update suppliers set iban = 'XX9' where id = 1"));
    const why = "the action recorded no `before`, and captured no rows";
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "conflict", why }] });
    expect(ibans(world)).toContainEqual({ iban: "XX9" });
  });

  it("an inverse that reports success and restores nothing is found by reading back", async () => {
    const state = { command: [process.execPath, "-e", "console.log(2)"] };
    const world = await northwind({ set: { command: [process.execPath, "-e", ""], state } });
    await world.act({ type: "set", target: "x", before: 1 }, undefined, { after: 2 });
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "failed" }] });
  });

  it("a compensator's failure is reported, and what is on other targets is undone all the same", async () => {
    const world = await northwind();
    world.configure({ undo: { ...SUPPLIER, set: noting(world) } });
    await repoint(world, 1, "XX9");
    await world.act({ type: "set", target: "bad" });
    const { status, steps } = await world.json(YES);
    expect({ status, steps }).toEqual({
      status: 1,
      steps: ["set bad undo → failed", "update suppliers/1 undo → undone"],
    });
    expect(ibans(world)).toContainEqual({ iban: "DE1" });
  });

  it("what an undo needs of the answer (a payment's id) is the one that the action returned", async () => {
    const world = await northwind();
    world.configure({ undo: { set: { ...noting(world), residue: "the customer saw the charge" } } });
    await world.act({ type: "set", target: "ch" }, undefined, { reference: "pay_77" });
    const { stdout } = await world.run(YES);
    expect(undone(world)).toEqual(["ch pay_77"]);
    expect(stdout).toContain("what stays: the customer saw the charge");
  });

  it("once the undo window has closed nothing is tried, and the report says when it did", async () => {
    const world = await northwind();
    world.configure({ undo: { set: noting(world) } });
    await world.act({ type: "set", target: "late", undo_until: Date.UTC(2020, 0, 1) });
    const why = "its undo window closed at 2020-01-01T00:00:00.000Z";
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "irreversible", why }] });
  });

  it("an action that was planned and never ran has nothing to undo", async () => {
    const world = await northwind();
    const captured = await world.capturer.before({ database: "sqlite:app.db", table: "suppliers" }, { id: 1 });
    await world.ledger.begin({ trace_id: "t1", agent: "support", type: "update", effect: "write", captured });
    expect(await world.json(YES)).toMatchObject({ status: 0, left: [] });
    expect(ibans(world)).toContainEqual({ iban: "DE1" });
  });

  it.each([
    ["in its address", { url: "/payments/${record.reference}", method: "DELETE" }],
    ["in its body", { url: "/void", method: "POST", json: { payment: "${record.reference}" } }],
    ["of a target", { url: "/void", method: "POST", json: { invoice: "${record.target}" } }],
  ])("where the answer never named what it made, no request goes out that names nothing: %s", async (_, http) => {
    const asked: (string | undefined)[] = [];
    const bank = createServer(({ url }, response) => {
      asked.push(url);
      response.end();
    }).listen(0, "127.0.0.1");
    afterThisTest(() => bank.close());
    await once(bank, "listening");
    const url = `http://127.0.0.1:${(bank.address() as AddressInfo).port}${http.url}`;
    const world = await northwind({ pay: { http: { ...http, url } } });
    await world.act({ type: "pay" }, undefined, { reference: null });
    const why = expect.stringContaining("is empty in this record") as string;
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "failed", why }] });
    await world.act({ type: "pay", target: "INV-1" }, undefined, { reference: "PAY-1" });
    expect((await world.json(YES)).left).toContainEqual(expect.objectContaining({ what: "unverified" }));
    expect(asked).toHaveLength(1);
  });

  it("steps of one undo run in their order; one that fails ends it, and is named", async () => {
    const world = await northwind();
    writeFileSync(
      world.path("undo.mjs"),
      `import { appendFileSync } from "node:fs";
       export async function reverse({ reference }) {
         for (const step of ["void the medium", "reset the clearing", "post the reversal"]) {
           if (step.startsWith(reference)) throw new Error("the bank refused to " + step);
           appendFileSync("undone.txt", step + "\\n");
         }
       }`,
    );
    world.configure({ undo: { pay: { module: "./undo.mjs#reverse" } } });
    await world.act({ type: "pay", target: "INV-1" }, undefined, { reference: "reset" });
    const why = "the bank refused to reset the clearing";
    expect(await world.json(YES)).toMatchObject({ status: 1, left: [{ what: "failed", why }] });
    expect(undone(world)).toEqual(["void the medium"]);
    await world.act({ type: "pay", target: "INV-2" }, undefined, { reference: "none" });
    await world.json([...YES, "--target", "INV-2"]);
    expect(undone(world).slice(1)).toEqual(["void the medium", "reset the clearing", "post the reversal"]);
  });

  it("the next undo window to close is named in the plan", async () => {
    const world = await northwind();
    world.configure({ undo: { set: noting(world) } });
    const soon = Date.now() + 3_600_000;
    await world.act({ type: "set", target: "soon", undo_until: soon });
    await world.act({ type: "set", target: "later", undo_until: soon + 86_400_000 });
    await world.act({ type: "set", target: "always" });
    const { stdout } = await world.run(["rollback", "--trace", "t1", "--dry-run"]);
    const time = new Date(soon).toISOString().slice(0, 19).replace("T", " ");
    const line = stdout.split("\n").find((one) => one.startsWith("next undo window to close:"));
    expect(line).toContain(`(${time} UTC)`);
    expect(line).toContain("(set, 1 action)");
  });
});
