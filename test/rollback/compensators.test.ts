import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import { json as jsonOf } from "node:stream/consumers";
import { expect, it, describe } from "vitest";
import { afterThisTest } from "../support/ending.ts";
import { World } from "./world.ts";

/** A system of somebody else's: items with a state, undone by `POST /undo`. */
class Crm {
  url = "";
  readonly items = new Map<string, unknown>();
  readonly asked: { key: string | undefined; body: unknown }[] = [];
  answer: (request: IncomingMessage) => number = () => 200;
  honest = true;

  static async open(): Promise<Crm> {
    const crm = new Crm();
    const server = createServer((request, response) => {
      void crm.#respond(request).then(([status, body]) => {
        if (status === 0) response.destroy();
        else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    crm.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    afterThisTest(() => server.close());
    return crm;
  }

  async #respond(request: IncomingMessage): Promise<[number, unknown]> {
    const id = decodeURIComponent((request.url ?? "").split("/").at(-1) ?? "");
    if (request.method === "GET") return this.items.has(id) ? [200, { data: this.items.get(id) }] : [404, {}];
    const body = (await jsonOf(request)) as { item: string; to: unknown };
    this.asked.push({ key: request.headers["idempotency-key"] as string | undefined, body });
    const status = this.answer(request);
    if ((status === 200 || status === 0) && this.honest) this.items.set(body.item, body.to);
    return [status, {}];
  }
}

const undoAt = (crm: Crm, more: object = {}): object => ({
  set: {
    http: {
      url: `${crm.url}/undo`,
      method: "POST",
      json: { item: "${record.target}", to: "${record.before}" },
      timeout: "2s",
    },
    ...more,
  },
});
const stateAt = (crm: Crm): object => ({ state: { url: `${crm.url}/items/\${record.target}`, at: "/data" } });
const set = (world: World, crm: Crm, target: string, before: unknown, after: unknown) =>
  world.act({ type: "set", target, before }, () => crm.items.set(target, after), { after });
const ROLLBACK = ["rollback", "--trace", "t1", "--yes"];

it("a command that looks reads the record too, and says why it could not look", async () => {
  const world = await World.open();
  const reading =
    "let text = ''; process.stdin.on('data', (more) => (text += more)).on('end', () => look(JSON.parse(text)))";
  const looking = (look: string) => ({
    set: {
      command: [process.execPath, "-e", "require('fs').writeFileSync('undone', '')"],
      state: { command: [process.execPath, "-e", `const look = ${look}; ${reading}`] },
    },
  });
  await world.act({ type: "set", target: "a", before: 1 }, undefined, { after: 2 });
  world.configure({ undo: looking("() => { throw new Error('no account there') }") });
  expect((await world.json(ROLLBACK)).left[0]?.why).toMatch(/status 1: Error: no account there$/);
  world.configure({
    undo: looking("(record) => console.log(require('fs').existsSync('undone') ? record.before : record.after)"),
  });
  expect(await world.json(ROLLBACK)).toMatchObject({ status: 0, steps: ["set a undo → undone"] });
});

describe("http", () => {
  it("sends the record's fields with a key, reads back and compares", async () => {
    const [world, crm] = [await World.open(), await Crm.open()];
    world.configure({ undo: undoAt(crm, stateAt(crm)) });
    const id = await set(world, crm, "a/1", { seats: 1 }, { seats: 2 });
    await set(world, crm, "a/1", { seats: 2 }, { seats: 3 });
    expect(await world.json(ROLLBACK)).toMatchObject({
      status: 0,
      steps: ["set a/1 undo → undone", "set a/1 undo → undone"],
    });
    expect(crm.items.get("a/1")).toEqual({ seats: 1 });
    expect(crm.asked[1]).toEqual({ key: `clawproof-undo-${id}`, body: { item: "a/1", to: { seats: 1 } } });
  });

  it("sends nothing where the state was changed since", async () => {
    const [world, crm] = [await World.open(), await Crm.open()];
    world.configure({ undo: undoAt(crm, stateAt(crm)) });
    await set(world, crm, "a", 1, 2);
    crm.items.set("a", 77);
    const { status, left } = await world.json(ROLLBACK);
    expect({ status, left, asked: crm.asked }).toMatchObject({ status: 1, left: [{ what: "conflict" }], asked: [] });
  });

  it("does not believe a system that says it is done", async () => {
    const [world, crm] = [await World.open(), await Crm.open()];
    crm.honest = false;
    world.configure({ undo: undoAt(crm, stateAt(crm)) });
    await set(world, crm, "a", 1, 2);
    const { status, left } = await world.json(ROLLBACK);
    expect(status).toBe(1);
    expect(left[0]?.why).toBe("it said that it was done, and what is there is not what was before");
  });

  it("is unverified where nothing can look, and is not sent again", async () => {
    const [world, crm] = [await World.open(), await Crm.open()];
    world.configure({ undo: undoAt(crm) });
    await set(world, crm, "a", 1, 2);
    expect((await world.json(ROLLBACK)).left).toMatchObject([{ what: "unverified" }]);
    expect((await world.json(ROLLBACK)).left).toMatchObject([{ what: "done already" }]);
    expect(crm.asked).toHaveLength(1);
  });

  it.each([
    { idempotent: false, first: "unknown", second: "conflict", sent: 1 },
    { idempotent: true, first: "failed", second: "unverified", sent: 2 },
  ])("where no answer came, and idempotent is $idempotent: $first", async ({ idempotent, first, second, sent }) => {
    const [world, crm] = [await World.open(), await Crm.open()];
    world.configure({ undo: undoAt(crm, { idempotent }) });
    await set(world, crm, "a", 1, 2);
    crm.answer = () => 0;
    expect((await world.json(ROLLBACK)).left).toMatchObject([{ what: first }]);
    crm.answer = () => 200;
    expect((await world.json(ROLLBACK)).left).toMatchObject([{ what: second }]);
    expect(crm.asked).toHaveLength(sent);
    expect(new Set(crm.asked.map(({ key }) => key)).size).toBe(1);
  });

  it("a step that fails blocks its own target alone", async () => {
    const [world, crm] = [await World.open(), await Crm.open()];
    world.configure({ undo: undoAt(crm, stateAt(crm)) });
    await set(world, crm, "a", 1, 2);
    await set(world, crm, "b", 1, 2);
    await set(world, crm, "a", 2, 3);
    let calls = 0;
    crm.answer = () => (++calls === 1 ? 400 : 200);
    const { status, steps } = await world.json(ROLLBACK);
    expect({ status, steps }).toEqual({
      status: 1,
      steps: ["set a undo → failed", "set b undo → undone", "set a undo → blocked"],
    });
    expect(await world.json(ROLLBACK)).toMatchObject({ status: 0 });
    expect(crm.items.get("a")).toBe(1);
  });
});

describe("command", () => {
  it("is given the record on its standard input; what it says last is why it failed", async () => {
    const world = await World.open();
    writeFileSync(
      world.path("refund.mjs"),
      `import { writeFileSync } from "node:fs"; import { json } from "node:stream/consumers";
       const record = await json(process.stdin);
       if (record.target === "bad") { console.error("no such charge"); process.exit(3); }
       writeFileSync("done.json", JSON.stringify([record.target, record.before, process.env.CLAWPROOF_IDEMPOTENCY_KEY]));`,
    );
    world.configure({ undo: { set: { command: [process.execPath, "refund.mjs"] } } });
    await world.act({ type: "set", target: "bad" });
    const id = await world.act({ type: "set", target: "ch_1", before: "${HOME} $${x}" });
    const { status, left } = await world.json(ROLLBACK);
    expect(status).toBe(1);
    expect(left.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      "unverified: nothing can look whether it is back",
      expect.stringMatching(/ended with exit status 3: no such charge$/),
    ]);
    expect(JSON.parse(readFileSync(world.path("done.json"), "utf8"))).toEqual([
      "ch_1",
      "${HOME} $${x}",
      `clawproof-undo-${id}`,
    ]);
  });
});

const GUARD = `
  import { readFileSync, writeFileSync } from "node:fs";
  const file = new URL("./state.json", import.meta.url);
  const read = () => JSON.parse(readFileSync(file, "utf8"));
  export async function restore(record) { writeFileSync(file, JSON.stringify({ ...read(), [record.target]: record.before })); }
  restore.state = async (record) => read()[record.target];
  export const guard = { undoHandlers: () => new Map([["set", restore]]) };
`;

describe("functions of modules and guards", () => {
  it.each([
    { name: "a guard", rollback: { guard: "./agent.mjs#guard" } },
    { name: "a module", rollback: { undo: { set: { module: "./agent.mjs#restore" } } } },
  ])("of $name are called in another process, looked at and compared", async ({ rollback }) => {
    const world = await World.open();
    writeFileSync(world.path("agent.mjs"), GUARD);
    writeFileSync(world.path("state.json"), `{"x":2,"y":2}`);
    world.configure(rollback);
    await world.act({ type: "set", target: "x", before: 1, undo: { form: "function" } }, undefined, { after: 2 });
    expect(await world.json(ROLLBACK)).toMatchObject({ status: 0, steps: ["set x undo → undone"] });
    expect(JSON.parse(readFileSync(world.path("state.json"), "utf8"))).toEqual({ x: 1, y: 2 });
  });

  it.each([
    ["import 'nothing-of-this-name'; export const guard = {};", /agent\.mjs cannot be used: Cannot find package/],
    ["process.exit(0)", /its process ended while it was imported/],
    [
      "import { createServer } from 'node:http'; createServer().listen(0); export const guard = { undoHandlers: () => [] };",
      /starts something that listens/,
    ],
    ["export const other = 1;", /it exports nothing named guard/],
    ["export const guard = 1;", /guard is no guard/],
  ])("%s", async (source, words) => {
    const world = await World.open();
    writeFileSync(world.path("agent.mjs"), source);
    world.configure({ guard: "./agent.mjs#guard" });
    await world.act({ type: "set", target: "x", undo: { form: "function" } });
    const { status, stdout } = await world.run(ROLLBACK);
    expect(status).toBe(1);
    expect(stdout).toMatch(words);
    expect(stdout).toMatch(/no handler +set/);
  });

  it("that throw have failed; that end their process have done nobody knows what", async () => {
    const world = await World.open();
    writeFileSync(
      world.path("agent.mjs"),
      `export const guard = { undoHandlers: () => new Map([["a", async () => { throw new Error("no"); }], ["b", async () => process.exit(1)]]) };`,
    );
    world.configure({ guard: "./agent.mjs#guard" });
    await world.act({ type: "b", target: "b" });
    await world.act({ type: "a", target: "a" });
    const { status, left } = await world.json(ROLLBACK);
    expect(status).toBe(1);
    expect(left.map(({ what, why }) => `${what}: ${why}`)).toEqual([
      "failed: no",
      "unknown: its process ended: it may have been done all the same",
    ]);
  });
});

it("two runs at once never undo an action twice", async () => {
  const [world, crm] = [await World.open(), await Crm.open()];
  world.configure({ undo: undoAt(crm, stateAt(crm)) });
  for (let index = 0; index < 12; index++) await set(world, crm, `item-${index}`, 1, 2);
  const runs = await Promise.all([world.json(ROLLBACK), world.json(ROLLBACK), world.json(ROLLBACK)]);
  expect(crm.asked).toHaveLength(12);
  expect(runs.some(({ status }) => status === 0 || status === 1)).toBe(true);
  expect([...crm.items.values()]).toEqual(Array.from({ length: 12 }, () => 1));
});
