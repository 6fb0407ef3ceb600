import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AGENT, BOTH, copyDataFile, fillDisk, inForce, KILLER, LONG_REASON, makeRoom, openCore } from "./core.ts";
import { callerOf, newFolder, reportOf, TestTime, wholeLog } from "./core.ts";

/** What is in force without being on the disk. */

describe("what could not be written", () => {
  it("is written within a second of there being room, in the order in which it came into force", async () => {
    const time = new TestTime();
    const { killSwitch, store } = await openCore({ clock: time });
    fillDisk(store);
    for (const scope of ["a", "b", "a/t"]) killSwitch.kill({ scope, reason: LONG_REASON }, KILLER);
    time.pass(5_000);
    expect([killSwitch.durable, store.head.seq]).toEqual([false, 0]);
    makeRoom(store);
    time.pass(1_000);
    expect(killSwitch.durable).toBe(true);
    const log = wholeLog(store);
    expect(log.map(({ scope, late }) => [scope, late])).toEqual([
      ["a", true],
      ["b", true],
      ["a/t", true],
    ]);
    expect(store.standing()).toEqual(killSwitch.standing);
    // When it came into force, not when it was written.
    expect(log[0]?.at).toBe(killSwitch.standing.orders[0]?.at);
    time.pass(60_000);
    expect(store.head.seq).toBe(3);
  });

  it("is written before whatever is written next", async () => {
    const { killSwitch, store } = await openCore();
    fillDisk(store);
    killSwitch.kill({ scope: "a", reason: LONG_REASON }, KILLER);
    makeRoom(store);
    expect(killSwitch.kill({ scope: "b", reason: "x" }, KILLER).durable).toBe(true);
    expect(wholeLog(store).map(({ scope, late }) => [scope, late])).toEqual([
      ["a", true],
      ["b", undefined],
    ]);
  });

  it("is written in its place where it was replaced before there was room", async () => {
    const { killSwitch, store, close, dataFile } = await openCore();
    fillDisk(store);
    killSwitch.kill({ scope: "a", mode: "read-only", reason: LONG_REASON }, KILLER);
    killSwitch.kill({ scope: "a", reason: LONG_REASON }, KILLER);
    makeRoom(store);
    const { standing } = killSwitch;
    close();
    const again = await openCore({ dataFile });
    expect(again.killSwitch.standing).toEqual(standing);
    expect(inForce(standing.orders)).toEqual(["a stopped"]);
  });

  it("is written as the service ends, where there is room by then", async () => {
    const { killSwitch, store, dataFile, close } = await openCore();
    fillDisk(store);
    killSwitch.kill({ scope: "a", reason: LONG_REASON }, KILLER);
    makeRoom(store);
    close();
    const again = await openCore({ dataFile });
    expect(inForce(again.killSwitch.standing.orders)).toEqual(["a stopped"]);
  });

  it("goes with what else belongs to it, but its news goes at once", async () => {
    const told: [string, boolean][] = [];
    const { killSwitch, store } = await openCore({ announce: ({ scope }, unsaved) => told.push([scope, unsaved]) });
    store.database.exec("CREATE TABLE beside (text TEXT)");
    const beside = () => (database: typeof store.database) => database.exec("INSERT INTO beside VALUES ('a')");
    fillDisk(store);
    killSwitch.kill({ scope: "a", reason: LONG_REASON }, { ...KILLER, beside });
    expect(told.at(-1)).toEqual(["a", true]);
    const before = told.length;
    makeRoom(store);
    killSwitch.note({ kind: "drill", by: "x", from: null });
    expect(store.database.prepare("SELECT text FROM beside").all()).toEqual([{ text: "a" }]);
    expect(told).toHaveLength(before);
  });

  it.each([
    ["ends", false],
    ["crashes", true],
  ])("is lost where the service %s first, until an agent that heard it reports", async (_, crashes) => {
    const first = await openCore();
    first.killSwitch.kill({ scope: "sales", mode: "read-only", reason: "on the disk" }, KILLER);
    fillDisk(first.store);
    first.killSwitch.kill({ scope: "support", reason: LONG_REASON }, KILLER);
    const report = reportOf(first.killSwitch);
    const dataFile = join(await newFolder(), "switch.db");
    if (crashes) await copyDataFile(first.dataFile, dataFile);
    first.close();
    if (!crashes) await copyFile(first.dataFile, dataFile);
    const { killSwitch } = await openCore({ dataFile });
    expect(inForce(killSwitch.standing.orders)).toEqual(["sales read-only"]);
    // Nobody comes to its number with other orders first.
    killSwitch.kill({ scope: "web", reason: "x" }, KILLER);
    killSwitch.release({ scope: "web", reason: "x" }, BOTH);
    killSwitch.report(report, AGENT.caller);
    expect(inForce(killSwitch.standing.orders)).toEqual(["sales read-only", "* stopped"]);
    expect(killSwitch.standing.epoch).toBe(report.epoch + 1);
  });

  it("keeps nobody from stopping everything for lost orders", async () => {
    const { killSwitch, store } = await openCore();
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    fillDisk(store);
    const other = callerOf("x".repeat(64), ["agent"], "support");
    killSwitch.report({ ...reportOf(killSwitch, { epoch: 7 }), instance: LONG_REASON }, other);
    expect(inForce(killSwitch.standing.orders)).toEqual(["a stopped", "* stopped"]);
    expect(killSwitch.standing.epoch).toBeGreaterThan(7);
    expect(killSwitch.durable).toBe(false);
  });
});
