import { describe, expect, it } from "vitest";
import type { OrderAnswer } from "../../src/switch/protocol/messages.ts";
import { Refused } from "../../src/switch/service/caller.ts";
import { NotDurable } from "../../src/switch/service/store.ts";
import {
  AGENT,
  BOTH,
  callerOf,
  fillDisk,
  inForce,
  KILLER,
  LONG_REASON,
  makeRoom,
  openCore,
  READER,
  RELEASER,
  reportOf,
  SetClock,
  wholeLog,
} from "./core.ts";

/** The refusal of what is called. */
function refusalOf(call: () => unknown): Pick<Refused, "status" | "message"> {
  try {
    call();
  } catch (error) {
    if (error instanceof Refused) return { status: error.status, message: error.message };
    throw error;
  }
  throw new Error("it was not refused");
}

describe("kill", () => {
  it("puts an order in force that says who, when, why", async () => {
    const { killSwitch } = await openCore();
    const answer = killSwitch.kill({ scope: "support", reason: "  it refunds twice \n" }, KILLER);
    const at = "2026-03-01T12:00:00.000Z";
    const order = { epoch: 1, scope: "support", mode: "stopped", cause: "person", by: "kim", at };
    expect(killSwitch.standing.orders).toEqual([{ ...order, reason: "it refunds twice" }]);
    expect(answer).toEqual({
      ...order,
      series: killSwitch.standing.series,
      durable: true,
      instances: { known: 0, obeyed: 0 },
      covering: [],
    });
  });

  it("calls back once it is in force and on the disk, before it is answered", async () => {
    const { killSwitch, store } = await openCore();
    const seen: unknown[] = [];
    killSwitch.onOrder(() => seen.push([killSwitch.standing.epoch, store.standing()]));
    killSwitch.kill({ scope: "*", reason: "test" }, KILLER);
    expect(seen).toEqual([[1, killSwitch.standing]]);
  });

  it("names the orders that cover its scope too, and the mode that holds", async () => {
    const { killSwitch } = await openCore();
    killSwitch.kill({ scope: "*", reason: "all" }, KILLER);
    killSwitch.trip({ instance: "pod-1", signal: "errors", figures: {} }, AGENT);
    killSwitch.kill({ scope: "sales", reason: "not this one" }, KILLER);
    const answer = killSwitch.kill({ scope: "support", mode: "read-only", reason: "test" }, KILLER);
    expect(answer.mode).toBe("stopped");
    expect(inForce(answer.covering)).toEqual(["* stopped", "support read-only"]);
  });

  it.each<[string, Parameters<typeof KILLER.caller.roles.includes>[0][], number]>([
    ["read", ["read"], 403],
    ["release", ["release"], 403],
    ["admin", ["admin"], 403],
    ["agent", ["agent"], 403],
  ])("is not for the role %s", async (name, roles, status) => {
    const { killSwitch, store } = await openCore();
    const refusal = refusalOf(() => killSwitch.kill({ scope: "*", reason: "x" }, { caller: callerOf(name, roles) }));
    expect(refusal).toEqual({ status, message: `killing needs the role kill, which ${name} does not have` });
    expect([killSwitch.standing.epoch, store.head.seq]).toEqual([0, 0]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["a scope that is none", { scope: "all" }, /^"all" is no scope: expected \*, AGENT/],
    ["an empty reason", { reason: " \n\t" }, /^a reason is required/],
    ["a reason that is too long", { reason: "x".repeat(1_001) }, /^a reason has at most 1000 characters/],
    ["half a character", { reason: "x\ud800" }, /lone surrogate/],
    ["a time to live outside a drill", { ttlSeconds: 60 }, /^ttlSeconds is for drills alone/],
    ["no time to live", { scope: "drill/a", ttlSeconds: 0 }, /^ttlSeconds is 1 to 86400/],
    ["more than a day to live", { scope: "drill/a", ttlSeconds: 86_401 }, /^ttlSeconds is 1 to 86400/],
    ["a time to live that is no number", { scope: "drill/a", ttlSeconds: NaN }, /^ttlSeconds is 1 to 86400/],
  ])("takes no %s", async (_, given, words) => {
    const { killSwitch, store } = await openCore();
    const refusal = refusalOf(() => killSwitch.kill({ scope: "*", reason: "x", ...given }, BOTH));
    expect(refusal).toEqual({ status: 400, message: expect.stringMatching(words) as string });
    expect(store.head.seq).toBe(0);
  });

  it("may be stricter, and takes release to be milder", async () => {
    const { killSwitch } = await openCore();
    killSwitch.kill({ scope: "a", mode: "read-only", reason: "1" }, KILLER);
    killSwitch.kill({ scope: "a", reason: "2" }, KILLER);
    const milder = { scope: "a", mode: "read-only", reason: "3" } as const;
    expect(refusalOf(() => killSwitch.kill(milder, KILLER))).toEqual({
      status: 403,
      message: "a is held more strictly than that: loosening it needs the role release, which kim does not have",
    });
    expect(inForce(killSwitch.standing.orders)).toEqual(["a stopped"]);
    expect(killSwitch.kill(milder, BOTH).mode).toBe("read-only");
    expect(killSwitch.standing.epoch).toBe(3);
  });

  it("of a drill takes release to end sooner", async () => {
    const { killSwitch } = await openCore();
    const kill = (ttlSeconds: number | undefined, asking = KILLER): OrderAnswer =>
      killSwitch.kill({ scope: "drill/a", reason: "x", ttlSeconds }, asking);
    kill(60);
    expect(refusalOf(() => kill(59)).status).toBe(403);
    expect(kill(61).epoch).toBe(2);
    expect(kill(undefined).epoch).toBe(3);
    expect(refusalOf(() => kill(86_400)).status).toBe(403);
    expect(kill(1, BOTH).epoch).toBe(4);
    expect(killSwitch.standing.orders).toMatchObject([{ expiresAt: "2026-03-01T12:00:01.000Z" }]);
  });
});

describe("trip", () => {
  const TRIP = { instance: "pod-1", signal: "error-rate", figures: { errors: 9, of: 10 } };

  it("makes the agent's own scope read-only, and keeps the figures in the log", async () => {
    const { killSwitch, store } = await openCore();
    const answer = killSwitch.trip(TRIP, AGENT);
    expect(answer).toMatchObject({ scope: "support", mode: "read-only", cause: "breaker", durable: true });
    expect(killSwitch.standing.orders).toMatchObject([{ reason: "breaker of pod-1 opened: error-rate" }]);
    expect(wholeLog(store)).toMatchObject([{ kind: "trip", by: "support-token", ...TRIP }]);
  });

  it("that is in force already is answered as it is, and counts once", async () => {
    const { killSwitch, store } = await openCore();
    const first = killSwitch.trip(TRIP, AGENT);
    expect(killSwitch.trip({ ...TRIP, instance: "pod-2" }, AGENT)).toEqual(first);
    expect(store.head.seq).toBe(1);
  });

  it("that is in force but not on the disk says so each time", async () => {
    const { killSwitch, store } = await openCore();
    fillDisk(store);
    const long = { ...TRIP, figures: { text: LONG_REASON } };
    expect(killSwitch.trip(long, AGENT).durable).toBe(false);
    expect(killSwitch.trip(long, AGENT).durable).toBe(false);
  });

  it("of one action type makes that type alone read-only, beside a trip of the whole agent", async () => {
    const { killSwitch, store } = await openCore();
    const answer = killSwitch.trip({ ...TRIP, type: "refund" }, AGENT);
    expect(answer).toMatchObject({ epoch: 1, scope: "support/refund", mode: "read-only", cause: "breaker" });
    expect(killSwitch.covering("support/refund").mode).toBe("read-only");
    expect(killSwitch.covering("support/lookup").mode).toBe("running");
    expect(killSwitch.trip({ ...TRIP, type: "refund", instance: "pod-2" }, AGENT)).toEqual(answer);
    expect(killSwitch.trip(TRIP, AGENT)).toMatchObject({ epoch: 2, scope: "support" });
    expect(wholeLog(store)).toMatchObject([{ kind: "trip", scope: "support/refund", ...TRIP }, { scope: "support" }]);
  });

  it.each(["", "*", "re fund", "@2", "a/b", "x".repeat(65), "refund\n", "../other"])(
    "of a type that no scope can name, %j, is refused",
    async (type) => {
      const { killSwitch } = await openCore();
      expect(refusalOf(() => killSwitch.trip({ ...TRIP, type }, AGENT)).status).toBe(400);
      expect(killSwitch.standing.orders).toEqual([]);
    },
  );

  it("of more types than anybody has makes the whole agent read-only", async () => {
    const { killSwitch } = await openCore();
    const trip = (type: string) => killSwitch.trip({ ...TRIP, type }, AGENT).scope;
    for (let index = 0; index < 100; index++) expect(trip(`t${index}`)).toBe(`support/t${index}`);
    expect([trip("t100"), trip("t101"), trip("t7")]).toEqual(["support", "support", "support/t7"]);
    expect(killSwitch.standing.orders).toHaveLength(101);
  });

  it("never touches a person's order, and a person's never the trip", async () => {
    const { killSwitch } = await openCore();
    killSwitch.kill({ scope: "support", reason: "x" }, KILLER);
    expect(killSwitch.trip(TRIP, AGENT).mode).toBe("stopped");
    killSwitch.kill({ scope: "support", mode: "read-only", reason: "x" }, BOTH);
    expect(inForce(killSwitch.standing.orders)).toEqual(["support read-only", "support read-only"]);
    const { ended = [], mode } = killSwitch.release({ scope: "support", reason: "both" }, RELEASER);
    expect(ended.map(({ cause }) => cause)).toEqual(["breaker", "person"]);
    expect(mode).toBe("running");
  });

  it.each([
    ["read", READER],
    ["kill and release", BOTH],
  ])("is not for the role %s", async (_, asking) => {
    const { killSwitch } = await openCore();
    expect(refusalOf(() => killSwitch.trip(TRIP, asking)).status).toBe(403);
  });
});

describe("release", () => {
  it("ends every order on exactly that scope, names them, and says what still covers it", async () => {
    const { killSwitch } = await openCore();
    for (const scope of ["*", "a", "a@1", "drill/a"]) killSwitch.kill({ scope, reason: "x" }, KILLER);
    const answer = killSwitch.release({ scope: "a", reason: "fixed" }, RELEASER);
    expect(inForce(answer.ended ?? [])).toEqual(["a stopped"]);
    expect(inForce(answer.covering)).toEqual(["* stopped"]);
    expect(answer).toMatchObject({ epoch: 5, mode: "stopped", durable: true });
    expect(inForce(killSwitch.standing.orders)).toEqual(["* stopped", "a@1 stopped", "drill/a stopped"]);
  });

  it("of nothing is an order all the same, that ends nothing", async () => {
    const { killSwitch } = await openCore();
    expect(killSwitch.release({ scope: "a", reason: "x" }, RELEASER)).toMatchObject({ epoch: 1, ended: [] });
  });

  it("needs its role, a scope and a reason", async () => {
    const { killSwitch, store } = await openCore();
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    for (const asking of [KILLER, READER, AGENT, { caller: callerOf("ada", ["admin"]) }]) {
      expect(refusalOf(() => killSwitch.release({ scope: "a", reason: "x" }, asking)).status).toBe(403);
    }
    expect(refusalOf(() => killSwitch.release({ scope: "a", reason: "" }, RELEASER)).status).toBe(400);
    expect(refusalOf(() => killSwitch.release({ scope: "a b", reason: "x" }, RELEASER)).status).toBe(400);
    expect([killSwitch.standing.epoch, store.head.seq]).toEqual([1, 1]);
  });

  it("leaves what is newer than it was meant for", async () => {
    const { killSwitch } = await openCore();
    killSwitch.kill({ scope: "a", reason: "first" }, KILLER);
    killSwitch.kill({ scope: "b", reason: "other" }, KILLER);
    killSwitch.kill({ scope: "a", reason: "second" }, KILLER);
    expect(refusalOf(() => killSwitch.release({ scope: "a", reason: "x", ifEpoch: 2 }, RELEASER))).toEqual({
      status: 409,
      message: "order 3 by kim (second) is newer than 2: read it, then release with ifEpoch 3",
    });
    expect(killSwitch.standing.epoch).toBe(3);
    expect(killSwitch.release({ scope: "a", reason: "x", ifEpoch: 3 }, RELEASER).epoch).toBe(4);
    expect(killSwitch.release({ scope: "a", reason: "x", ifEpoch: 0 }, RELEASER).epoch).toBe(5);
  });

  it("keeps the evidence of a drill in the log", async () => {
    const { killSwitch, store } = await openCore();
    const evidence = "0".repeat(64);
    killSwitch.kill({ scope: "drill/a", reason: "x" }, KILLER);
    killSwitch.release({ scope: "drill/a", reason: "done", evidence }, RELEASER);
    expect(wholeLog(store).at(-1)).toMatchObject({ kind: "release", evidence, ended: [{ epoch: 1, by: "kim" }] });
  });
});

describe("a full disk", () => {
  const KILL = { scope: "support", reason: LONG_REASON };

  it("keeps no kill from being pushed, and is answered honestly", async () => {
    const told: [string, boolean][] = [];
    const { killSwitch, store } = await openCore({ announce: ({ scope }, unsaved) => told.push([scope, unsaved]) });
    fillDisk(store);
    const pushed: number[] = [];
    killSwitch.onOrder(() => pushed.push(killSwitch.state().orders.length));
    expect(killSwitch.kill(KILL, KILLER)).toMatchObject({ mode: "stopped", durable: false });
    expect(killSwitch.trip({ instance: "pod-1", signal: "x", figures: {} }, AGENT).mode).toBe("stopped");
    expect(pushed).toEqual([1, 2]);
    expect(killSwitch.durable).toBe(false);
    // Told of what is not on the disk, and of nothing twice.
    expect(told.filter(([, unsaved]) => unsaved)).toEqual([
      ["support", true],
      ["support", true],
    ]);
    expect(store.standing()).toMatchObject({ epoch: 0, orders: [] });
  });

  it("gives numbers that no later start can come to before its agents have reported", async () => {
    const { killSwitch, store } = await openCore();
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    fillDisk(store);
    expect(killSwitch.kill(KILL, KILLER).epoch).toBe(1_002);
    expect(killSwitch.kill({ ...KILL, scope: "b" }, KILLER).epoch).toBe(1_003);
    makeRoom(store);
    expect(killSwitch.kill({ ...KILL, scope: "c" }, KILLER).epoch).toBe(1_004);
    expect(wholeLog(store).map(({ epoch }) => epoch)).toEqual([1, 1_002, 1_003, 1_004]);
  });

  it("refuses a release, with nothing changed and nobody told", async () => {
    const { killSwitch, store } = await openCore();
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    const before = killSwitch.standing;
    fillDisk(store);
    let pushes = 0;
    killSwitch.onOrder(() => pushes++);
    expect(() => killSwitch.release({ scope: "a", reason: LONG_REASON }, RELEASER)).toThrow(NotDurable);
    expect(killSwitch.standing).toBe(before);
    expect([pushes, store.head.seq, killSwitch.durable]).toEqual([0, 1, true]);
    makeRoom(store);
    expect(killSwitch.release({ scope: "a", reason: LONG_REASON }, RELEASER).epoch).toBe(2);
  });

  it("refuses a kill that loosens: a restart must not take it back, for it is as good as a release", async () => {
    const { killSwitch, store } = await openCore();
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    const before = killSwitch.standing;
    fillDisk(store);
    const milder = { scope: "a", mode: "read-only", reason: LONG_REASON } as const;
    expect(() => killSwitch.kill(milder, BOTH)).toThrow(NotDurable);
    expect(killSwitch.standing).toBe(before);
    expect(killSwitch.durable).toBe(true);
  });

  it("refuses to release what it could not write down, too", async () => {
    const { killSwitch, store } = await openCore();
    fillDisk(store);
    killSwitch.kill(KILL, KILLER);
    expect(() => killSwitch.release({ scope: "support", reason: "x" }, RELEASER)).toThrow(NotDurable);
    expect(inForce(killSwitch.standing.orders)).toEqual(["support stopped"]);
    makeRoom(store);
    const { ended = [] } = killSwitch.release({ scope: "support", reason: "x" }, RELEASER);
    expect(inForce(ended)).toEqual(["support stopped"]);
    expect(wholeLog(store)).toMatchObject([{ kind: "kill", late: true }, { kind: "release" }]);
    expect(store.standing()).toEqual(killSwitch.standing);
  });

  it("that is full from the start is one too", async () => {
    const { close, dataFile } = await openCore();
    close();
    const { killSwitch } = await openCore({ dataFile, file: { maxPages: 1 } });
    const answers = ["a", "b"].map((scope) => killSwitch.kill({ scope, reason: LONG_REASON }, KILLER));
    expect(answers.at(-1)?.durable).toBe(false);
    expect(inForce(killSwitch.standing.orders)).toEqual(["a stopped", "b stopped"]);
  });
});

describe("the wall clock", () => {
  it("may jump either way: what the service sends goes on in time", async () => {
    const clock = new SetClock();
    const { killSwitch } = await openCore({ clock });
    const sent = [killSwitch.state().sentAt];
    for (const jump of [-3_600_000, 7_200_000, -86_400_000]) {
      clock.wall += jump;
      clock.advance(250);
      sent.push(killSwitch.state().sentAt);
    }
    const [first = 0] = sent;
    expect(sent).toEqual([first, first + 250, first + 500, first + 750]);
    expect(first).toBe(Date.parse("2026-03-01T12:00:00.000Z"));
  });

  it("that was set back keeps the log in order, by its numbers", async () => {
    const clock = new SetClock();
    const { killSwitch, store } = await openCore({ clock });
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    clock.wall -= 3_600_000;
    killSwitch.kill({ scope: "b", reason: "x" }, KILLER);
    expect(wholeLog(store).map(({ seq, at }) => [seq, at])).toEqual([
      [1, "2026-03-01T12:00:00.000Z"],
      [2, "2026-03-01T11:00:00.000Z"],
    ]);
  });

  it("names each run, for another run has another clock", async () => {
    const { killSwitch, dataFile, close } = await openCore();
    const { boot } = killSwitch;
    close();
    const again = await openCore({ dataFile });
    expect(again.killSwitch.boot).not.toBe(boot);
    expect(again.killSwitch.state()).toMatchObject({ boot: again.killSwitch.boot, leaseSeconds: 15 });
  });
});

describe("report", () => {
  it.each<[string, Record<string, unknown>, typeof AGENT, number]>([
    ["somebody who is no agent", {}, BOTH, 403],
    ["another agent", { agent: "sales" }, AGENT, 403],
    ["another series", { series: "other" }, AGENT, 409],
    ["too far ahead", { epoch: 10_002 }, AGENT, 400],
  ])("of %s is refused, and nothing is known or stopped by it", async (_, given, { caller }, status) => {
    const { killSwitch } = await openCore();
    killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
    expect(refusalOf(() => killSwitch.report(reportOf(killSwitch, given), caller)).status).toBe(status);
    expect(killSwitch.fleet.instances(killSwitch.standing)).toEqual([]);
    expect(killSwitch.standing.epoch).toBe(1);
  });
});

it("covering says what a scope may do, and why", async () => {
  const { killSwitch } = await openCore();
  killSwitch.kill({ scope: "support/refund", reason: "x" }, KILLER);
  killSwitch.kill({ scope: "drill/*", mode: "read-only", reason: "x" }, KILLER);
  const seen = ["support", "support/refund", "drill/support"].map((scope) => {
    const { mode, stopped, covering } = killSwitch.covering(scope);
    return [mode, stopped, covering.length];
  });
  expect(seen).toEqual([
    ["running", false, 0],
    ["stopped", true, 1],
    ["read-only", true, 1],
  ]);
});

it("an answer given again tells what holds today", async () => {
  const { killSwitch } = await openCore();
  const first = killSwitch.kill({ scope: "a", reason: "x" }, KILLER);
  killSwitch.release({ scope: "a", reason: "x" }, RELEASER);
  killSwitch.kill({ scope: "*", mode: "read-only", reason: "x" }, KILLER);
  const again = killSwitch.again(first);
  expect(again).toMatchObject({ epoch: 1, by: "kim", mode: "read-only", replayed: true });
  expect(inForce(again.covering)).toEqual(["* read-only"]);
  // A replay changes nothing.
  expect(killSwitch.standing.epoch).toBe(3);
});
