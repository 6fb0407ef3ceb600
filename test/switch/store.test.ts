import { describe, expect, it } from "vitest";
import { NotDurable } from "../../src/switch/service/store.ts";
import { BOTH, fillDisk, KILLER, LONG_REASON, makeRoom, openCore, wholeLog } from "./core.ts";

const NOTE = { kind: "refused", at: "2026-03-01T12:00:00.000Z", by: "x", from: null } as const;

describe("the log", () => {
  it("numbers everything without gaps, and chains it", async () => {
    const { killSwitch, store } = await openCore();
    expect(store.head).toEqual({ seq: 0, hash: "" });
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    killSwitch.note({ kind: "service-started", by: "clawproof", from: null });
    killSwitch.release({ scope: "a", reason: "x" }, BOTH);
    const log = wholeLog(store);
    expect(log.map(({ seq, kind, epoch }) => [seq, kind, epoch])).toEqual([
      [1, "kill", 1],
      [2, "service-started", undefined],
      [3, "release", 2],
    ]);
    expect(log.map(({ previous }) => previous)).toEqual(["", log[0]?.hash, log[1]?.hash]);
    expect(store.head).toEqual({ seq: 3, hash: log[2]?.hash });
  });

  it("goes on where an earlier run ended", async () => {
    const first = await openCore();
    first.killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    const { head } = first.store;
    first.close();
    const { store, killSwitch } = await openCore({ dataFile: first.dataFile });
    expect(store.head).toEqual(head);
    killSwitch.kill({ scope: "b", reason: "x" }, KILLER);
    expect(wholeLog(store)).toHaveLength(2);
  });

  it("is read after a number, at its end, by scope, and by orders alone", async () => {
    const { killSwitch, store } = await openCore();
    for (const scope of ["a", "b", "a", "a/t"]) killSwitch.kill({ scope, reason: "x" }, KILLER);
    killSwitch.note({ kind: "refused", by: "x", from: null, scope: "a" });
    const seqs = (query: Parameters<typeof store.log>[0]): number[] => store.log(query).map(({ seq }) => seq);
    expect(seqs({})).toEqual([1, 2, 3, 4, 5]);
    expect(seqs({ after: 2 })).toEqual([3, 4, 5]);
    expect(seqs({ after: 1, limit: 2 })).toEqual([2, 3]);
    expect(seqs({ last: 2 })).toEqual([4, 5]);
    expect(seqs({ scope: "a" })).toEqual([1, 3, 5]);
    expect(seqs({ scope: "a", orders: true })).toEqual([1, 3]);
    expect(seqs({ after: 5 })).toEqual([]);
  });

  it("keeps the lines of drills", async () => {
    const { killSwitch, store } = await openCore();
    killSwitch.note({ kind: "drill", by: "x", from: null, line: { agent: "a", id: 1 } });
    killSwitch.note({ kind: "refused", by: "x", from: null, line: { agent: "a", id: 0 } });
    killSwitch.note({ kind: "drill", by: "x", from: null, line: { agent: "b", id: 2 } });
    killSwitch.note({ kind: "drill", by: "x", from: null, line: {} });
    const ids = (query: Parameters<typeof store.log>[0]) =>
      store.log(query).map(({ line }) => (line as { id?: number }).id);
    expect(ids({ drills: true })).toEqual([1, 2, undefined]);
    expect(ids({ drills: { agent: "b" } })).toEqual([2]);
    expect(ids({ drills: true, limit: 1, after: store.log({ drills: { agent: "a" } })[0]?.seq })).toEqual([2]);
  });
});

describe("append", () => {
  it("writes all or nothing", async () => {
    const { store } = await openCore();
    const failing = (): never => {
      throw new Error("no such luck");
    };
    const two = [{ entry: { ...NOTE, n: 1 } }, { entry: { ...NOTE, n: 2 }, beside: failing }];
    expect(() => store.append(two)).toThrow(NotDurable);
    expect([store.head.seq, store.log({}).length]).toEqual([0, 0]);
    store.append(two.slice(0, 1));
    expect(wholeLog(store)).toHaveLength(1);
  });

  it("says that it could not be written, and can go on once there is room", async () => {
    const { store } = await openCore();
    store.append([{ entry: NOTE }]);
    fillDisk(store);
    for (let times = 0; times < 3; times++) {
      expect(() => store.append([{ entry: { ...NOTE, reason: LONG_REASON } }])).toThrow(/full/);
    }
    expect(store.head.seq).toBe(1);
    makeRoom(store);
    store.append([{ entry: { ...NOTE, reason: LONG_REASON } }]);
    expect(wholeLog(store)).toHaveLength(2);
  });

  it("lets no epoch be given twice", async () => {
    const { store } = await openCore();
    store.append([{ entry: { ...NOTE, kind: "kill", epoch: 1, scope: "a" } }]);
    expect(() => store.append([{ entry: { ...NOTE, kind: "kill", epoch: 1, scope: "b" } }])).toThrow(NotDurable);
  });
});
