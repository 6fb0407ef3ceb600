import { describe, expect, it } from "vitest";
import { Tokens } from "../../src/switch/service/tokens.ts";
import { BOTH, type Core, fillDisk, inForce, KILLER, LONG_REASON, makeRoom, openCore, RELEASER } from "./core.ts";
import { TestTime, wholeLog } from "./core.ts";

const HOUR_MS = 3_600_000;

function kill({ killSwitch }: Core, ttlSeconds: number | undefined, more: { scope?: string; reason?: string } = {}) {
  return killSwitch.kill({ scope: "drill/a", reason: "x", ttlSeconds, ...more }, KILLER);
}

const held = ({ killSwitch }: Core): string[] => inForce(killSwitch.standing.orders);

describe("a drill's time to live", () => {
  it("ends in an order of its own, which is pushed and logged", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 60);
    const pushed: number[] = [];
    core.killSwitch.onOrder(() => pushed.push(core.killSwitch.standing.epoch));
    time.pass(59_999);
    expect([held(core), pushed]).toEqual([["drill/a stopped"], []]);
    time.pass(1);
    expect([held(core), pushed]).toEqual([[], [2]]);
    expect(wholeLog(core.store).at(-1)).toMatchObject({
      kind: "expired",
      by: "clawproof",
      from: null,
      scope: "drill/a",
      epoch: 2,
      ended: [{ epoch: 1, by: "kim", mode: "stopped", cause: "person" }],
    });
    expect(core.store.standing()).toEqual(core.killSwitch.standing);
  });

  it("leaves everything else in force, the same scope outside the drill too", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 60);
    kill(core, undefined, { scope: "a" });
    kill(core, 61, { scope: "drill/b" });
    time.pass(60_000);
    expect(held(core)).toEqual(["a stopped", "drill/b stopped"]);
  });

  it("is that of the order that stands, not of one that it replaced or that was released", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 60);
    time.pass(50_000);
    kill(core, 60);
    time.pass(59_999);
    expect(held(core)).toEqual(["drill/a stopped"]);
    core.killSwitch.release({ scope: "drill/a", reason: "done" }, RELEASER);
    kill(core, undefined);
    time.pass(HOUR_MS);
    expect(held(core)).toEqual(["drill/a stopped"]);
    expect(wholeLog(core.store).filter(({ kind }) => kind === "expired")).toEqual([]);
  });

  it("waits where the disk is full: the order stands until its end is written", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 60);
    // Nothing at all can be written, however short it is.
    core.store.database.pragma("query_only = ON");
    time.pass(90_000);
    expect(held(core)).toEqual(["drill/a stopped"]);
    core.store.database.pragma("query_only = OFF");
    time.pass(1_000);
    expect(held(core)).toEqual([]);
    expect(wholeLog(core.store).map(({ kind }) => kind)).toEqual(["kill", "expired"]);
  });

  it("ends an order that was not on the disk yet with it", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    fillDisk(core.store);
    expect(kill(core, 60, { reason: LONG_REASON }).durable).toBe(false);
    time.pass(60_000);
    expect(held(core)).toEqual(["drill/a stopped"]);
    makeRoom(core.store);
    time.pass(1_000);
    expect(held(core)).toEqual([]);
    expect(wholeLog(core.store).map(({ kind }) => kind)).toEqual(["kill", "expired"]);
    expect(core.store.standing()).toEqual(core.killSwitch.standing);
  });
});

describe("a wall clock that jumps", () => {
  it.each([
    ["forward", HOUR_MS],
    ["back", -HOUR_MS],
  ])("%s neither shortens a time to live nor prolongs it in one run", async (_, jump) => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 60);
    time.setWall(jump);
    time.pass(59_999);
    expect(held(core)).toEqual(["drill/a stopped"]);
    time.pass(1);
    expect(held(core)).toEqual([]);
  });

  it("forward lets nobody without release put a sooner end to an order", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 600);
    time.setWall(HOUR_MS);
    // By the wall clock alone it would end an hour later than the one that it replaces.
    expect(() => kill(core, 1)).toThrow(/loosening it needs the role release/);
    expect(kill(core, 600).epoch).toBe(2);
  });

  it("back keeps nobody from putting a later end to an order", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    kill(core, 60);
    time.setWall(-HOUR_MS);
    expect(kill(core, 60).epoch).toBe(2);
    time.pass(59_999);
    expect(held(core)).toEqual(["drill/a stopped"]);
  });

  it.each<[string, number, number]>([
    ["as it was", 0, 50_000],
    ["set forward past the end", HOUR_MS, 0],
    ["set back", -HOUR_MS, 60_000],
    ["set back a little", -5_000, 55_000],
  ])("before a restart, %s, never lets it live longer than its whole life", async (_, jump, left) => {
    const time = new TestTime();
    const first = await openCore({ clock: time });
    kill(first, 60);
    time.pass(10_000);
    first.close();
    time.setWall(jump);
    const core = await openCore({ clock: time, dataFile: first.dataFile });
    expect(held(core)).toEqual(["drill/a stopped"]);
    if (left > 0) time.pass(left - 1);
    if (left > 0) expect(held(core)).toEqual(["drill/a stopped"]);
    time.pass(1);
    expect(held(core)).toEqual([]);
    expect(core.killSwitch.standing.epoch).toBe(2);
  });

  it("while the service was down past the end: it ends with the start, by an order", async () => {
    const time = new TestTime();
    const first = await openCore({ clock: time });
    kill(first, 60);
    first.close();
    time.pass(HOUR_MS);
    const core = await openCore({ clock: time, dataFile: first.dataFile });
    expect(core.killSwitch.standing.epoch).toBe(1);
    time.pass(0);
    expect([held(core), core.killSwitch.standing.epoch]).toEqual([[], 2]);
  });

  it("ends a token with the time of day that its owner was told", async () => {
    const time = new TestTime();
    const { store } = await openCore({ clock: time });
    const tokens = new Tokens(store, time);
    const { token, id, expiresAt } = tokens.add({ name: "kim", roles: ["kill"], expiresInSeconds: 3_600 }, null);
    expect(Date.parse(expiresAt ?? "") - time.now()).toBe(HOUR_MS);
    time.pass(HOUR_MS - 1);
    expect([tokens.verify(token)?.name, tokens.isValid(id)]).toEqual(["kim", true]);
    time.pass(1);
    expect([tokens.verify(token), tokens.isValid(id)]).toEqual([null, false]);
    expect(new Tokens(store, time).verify(token)).toBeNull();
  });

  it("forward ends a token; no clock brings a revoked one back", async () => {
    const time = new TestTime();
    const { store } = await openCore({ clock: time });
    const tokens = new Tokens(store, time);
    const kim = tokens.add({ name: "kim", roles: ["kill"], expiresInSeconds: 3_600 }, null);
    time.setWall(HOUR_MS);
    expect(tokens.verify(kim.token)).toBeNull();
    tokens.revoke("kim", BOTH.caller);
    time.setWall(-2 * HOUR_MS);
    expect(tokens.verify(kim.token)).toBeNull();
  });
});
