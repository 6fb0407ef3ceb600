import { describe, expect, it } from "vitest";
import type { Obedience, ReportRequest } from "../../src/switch/protocol/messages.ts";
import { parseScope } from "../../src/switch/protocol/scope.ts";
import { Refused } from "../../src/switch/service/caller.ts";
import {
  AGENT,
  BOTH,
  callerOf,
  type Core,
  DAY_MS,
  inForce,
  KILLER,
  openCore,
  RELEASER,
  reportOf,
  SetClock,
  TestTime,
} from "./core.ts";

/** Of one agent. */
const MOST_INSTANCES = 10_000;

function report(core: Core, given: Partial<ReportRequest> = {}): void {
  const said = reportOf(core.killSwitch, given);
  core.killSwitch.report(said, callerOf(said.agent, ["agent"], said.agent));
}

/** `instance state` of everyone, or of those under a scope. */
function states({ killSwitch }: Core, scope?: string): string[] {
  const instances = killSwitch.fleet.instances(killSwitch.standing, scope === undefined ? null : parseScope(scope));
  return instances.map(({ instance, state }) => `${instance} ${state}`);
}

function stateOf(core: Core, scope?: string): Obedience | undefined {
  const instances = core.killSwitch.fleet.instances(
    core.killSwitch.standing,
    scope === undefined ? null : parseScope(scope),
  );
  return instances[0]?.state;
}

describe("an instance", () => {
  it("obeys once it has applied the newest order that concerns it", async () => {
    const core = await openCore();
    report(core);
    expect(core.killSwitch.kill({ scope: "support", reason: "x" }, KILLER).instances).toEqual({ known: 1, obeyed: 0 });
    expect(stateOf(core)).toBe("pending");
    report(core);
    expect(stateOf(core)).toBe("obeyed");
  });

  it("obeys, whatever is ordered of others", async () => {
    const core = await openCore();
    report(core, { version: "2" });
    for (const scope of ["sales", "support@1", "drill/support"]) core.killSwitch.kill({ scope, reason: "x" }, KILLER);
    expect(stateOf(core)).toBe("obeyed");
    core.killSwitch.kill({ scope: "support@2", reason: "x" }, KILLER);
    expect(stateOf(core)).toBe("pending");
  });

  it("has not obeyed before it has applied an order on one of its types", async () => {
    const core = await openCore();
    report(core);
    core.killSwitch.kill({ scope: "support/refund", reason: "x" }, KILLER);
    expect(stateOf(core)).toBe("pending");
    expect(stateOf(core, "support")).toBe("pending");
    expect(stateOf(core, "support/refund")).toBe("pending");
    expect(stateOf(core, "support/mail")).toBe("obeyed");
    report(core, { running: { refund: 1 } });
    expect(stateOf(core)).toBe("pending");
    report(core);
    expect(stateOf(core)).toBe("obeyed");
  });

  it("has not obeyed while something that is forbidden still runs", async () => {
    const core = await openCore();
    core.killSwitch.kill({ scope: "support", reason: "x" }, KILLER);
    report(core, { running: { refund: 2, mail: 0 } });
    const [seen] = core.killSwitch.fleet.instances(core.killSwitch.standing);
    expect(seen).toMatchObject({ state: "pending", mode: "stopped", running: { refund: 2, mail: 0 } });
    report(core, { running: { refund: 0 } });
    expect(stateOf(core)).toBe("obeyed");
  });

  it("may run whatever it likes where nothing forbids it", async () => {
    const core = await openCore();
    report(core, { running: { refund: 2 } });
    expect(stateOf(core)).toBe("obeyed");
  });

  it("obeys a drill in the drill, where real orders hold too", async () => {
    const core = await openCore();
    report(core);
    core.killSwitch.kill({ scope: "drill/support", reason: "x" }, KILLER);
    expect([stateOf(core), stateOf(core, "drill/support")]).toEqual(["obeyed", "pending"]);
    report(core);
    expect(stateOf(core, "drill/support")).toBe("obeyed");
    core.killSwitch.kill({ scope: "*", reason: "x" }, KILLER);
    expect(stateOf(core, "drill/support")).toBe("pending");
  });

  it("is silent once its lease is over, by a clock that nobody sets", async () => {
    const clock = new SetClock();
    const core = await openCore({ clock });
    report(core);
    clock.advance(15_000);
    expect(stateOf(core)).toBe("obeyed");
    clock.wall += DAY_MS / 2;
    expect(stateOf(core)).toBe("obeyed");
    clock.wall -= DAY_MS;
    clock.steady += 1;
    expect(stateOf(core)).toBe("silent");
    report(core);
    expect(stateOf(core)).toBe("obeyed");
  });

  it("counts under the scopes that cover it, and is shown with what it said last", async () => {
    const core = await openCore();
    report(core, { instance: "pod-1", version: "1", counts: { refund: 3 } });
    report(core, { instance: "pod-2", version: "2" });
    report(core, { instance: "pod-1", agent: "sales" });
    expect(states(core, "support")).toEqual(["pod-1 obeyed", "pod-2 obeyed"]);
    expect(states(core, "support@2")).toEqual(["pod-2 obeyed"]);
    expect(states(core, "support@2/x")).toEqual(states(core));
    expect(states(core, "sales/mail")).toEqual(["pod-1 obeyed"]);
    expect(states(core, "drill/support@1")).toEqual(["pod-1 obeyed"]);
    expect(states(core, "*")).toHaveLength(3);
    expect(core.killSwitch.fleet.instances(core.killSwitch.standing)[0]).toEqual({
      instance: "pod-1",
      agent: "support",
      version: "1",
      epoch: 0,
      mode: "running",
      state: "obeyed",
      running: {},
      counts: { refund: 3 },
      seenAt: "2026-03-01T12:00:00.000Z",
    });
  });
});

describe("after a restart", () => {
  it("an instance is known, and pending until it reports: it acts on what it heard before", async () => {
    const clock = new SetClock();
    const first = await openCore({ clock });
    report(first);
    first.close();
    const core = await openCore({ clock, dataFile: first.dataFile });
    expect(states(core)).toEqual(["pod-1 pending"]);
    expect(core.killSwitch.kill({ scope: "support", reason: "x" }, KILLER).instances).toEqual({ known: 1, obeyed: 0 });
    report(core);
    expect(states(core)).toEqual(["pod-1 obeyed"]);
  });

  it("an instance is silent a lease after the start, or two after its last report", async () => {
    const clock = new SetClock();
    const first = await openCore({ clock, leaseMs: 15_000 });
    report(first);
    first.close();
    clock.advance(14_000);
    const soon = await openCore({ clock, dataFile: first.dataFile, leaseMs: 15_000 });
    clock.advance(15_000);
    expect(states(soon)).toEqual(["pod-1 pending"]);
    clock.advance(1);
    expect(states(soon)).toEqual(["pod-1 silent"]);
    soon.close();
    clock.advance(1_000);
    const late = await openCore({ clock, dataFile: first.dataFile, leaseMs: 15_000 });
    expect(states(late)).toEqual(["pod-1 silent"]);
  });

  it("one that was killed knows those of more than five seconds ago", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    report(core);
    expect(core.store.database.prepare("SELECT instance FROM instances").all()).toEqual([]);
    time.pass(5_000);
    expect(core.store.database.prepare("SELECT instance FROM instances").all()).toEqual([{ instance: "pod-1" }]);
  });

  it("one whose row is damaged is not known, and the switch starts all the same", async () => {
    const first = await openCore();
    report(first);
    first.killSwitch.fleet.save();
    first.store.database.exec("UPDATE instances SET seen = '{'");
    first.close();
    const core = await openCore({ dataFile: first.dataFile });
    expect(states(core)).toEqual([]);
  });
});

describe("after a day without a report", () => {
  it("an instance is forgotten, on the disk too", async () => {
    const time = new TestTime();
    const core = await openCore({ clock: time });
    report(core, { instance: "old" });
    time.pass(DAY_MS / 2);
    report(core, { instance: "new" });
    time.pass(DAY_MS / 2);
    expect(states(core)).toEqual(["old silent", "new silent"]);
    time.pass(5_000);
    expect(states(core)).toEqual(["new silent"]);
    core.close();
    expect(states(await openCore({ clock: time, dataFile: core.dataFile }))).toEqual(["new silent"]);
  });

  it("across a restart it is a day in all", async () => {
    const clock = new SetClock();
    const first = await openCore({ clock });
    report(first);
    first.close();
    clock.advance(DAY_MS / 2);
    const core = await openCore({ clock, dataFile: first.dataFile });
    clock.advance(DAY_MS / 2);
    expect(states(core)).toEqual(["pod-1 silent"]);
    clock.advance(1);
    expect(states(core)).toEqual([]);
  });

  it("a wall clock that is set forward forgets nobody, and one that is set back keeps nobody", async () => {
    const clock = new SetClock();
    const core = await openCore({ clock });
    report(core);
    clock.wall += 2 * DAY_MS;
    expect(states(core)).toEqual(["pod-1 obeyed"]);
    clock.wall -= 9 * DAY_MS;
    clock.steady += DAY_MS + 1;
    expect(states(core)).toEqual([]);
  });

  it("thousands are forgotten without the disk: an order never waits for that", async () => {
    const clock = new SetClock();
    const core = await openCore({ clock });
    for (let index = 0; index < 2_000; index++) report(core, { instance: `pod-${index}` });
    core.killSwitch.fleet.save();
    clock.advance(DAY_MS + 1);
    core.store.database.pragma("query_only = ON");
    expect(core.killSwitch.kill({ scope: "*", reason: "x" }, KILLER).instances.known).toBe(0);
    core.store.database.pragma("query_only = OFF");
    core.killSwitch.fleet.save();
    expect(core.store.database.prepare("SELECT instance FROM instances").all()).toEqual([]);
  });
});

describe("too many instances", () => {
  async function full(): Promise<{ core: Core; clock: SetClock }> {
    const clock = new SetClock();
    const core = await openCore({ clock });
    const { fleet } = core.killSwitch;
    const said = reportOf(core.killSwitch);
    for (let index = 0; index < MOST_INSTANCES; index++) fleet.note({ ...said, instance: `pod-${index}` });
    return { core, clock };
  }
  const another =
    (core: Core, given: Partial<ReportRequest> = {}) =>
    (): void =>
      core.killSwitch.report(reportOf(core.killSwitch, { instance: "one more", ...given }), AGENT.caller);

  it("another is refused, and those that are known go on", async () => {
    const { core, clock } = await full();
    expect(another(core)).toThrow(new Refused(429, "too many instances: this one is not known"));
    expect(another(core, { instance: "pod-7" })).not.toThrow();
    clock.advance(DAY_MS + 1);
    expect(another(core)).not.toThrow();
  });

  it("of one agent keep no other agent's out, and make room where they are silent", async () => {
    const { core, clock } = await full();
    const { fleet, standing } = core.killSwitch;
    expect(fleet.note({ ...reportOf(core.killSwitch), agent: "billing" })).toBe(true);
    clock.advance(core.killSwitch.leaseMs + 1);
    expect(another(core)).not.toThrow();
    const names = fleet.instances(standing).map(({ instance }) => instance);
    expect([names.length, names.includes("pod-0"), names.includes("one more")]).toEqual([
      MOST_INSTANCES + 1,
      false,
      true,
    ]);
  });

  it("another that has heard more than the service knows stops everything all the same", async () => {
    const { core } = await full();
    expect(another(core, { epoch: 5 })).toThrow("too many instances");
    expect(inForce(core.killSwitch.standing.orders)).toEqual(["* stopped"]);
  });
});

it("what cannot be saved is saved later, and keeps no report from being heard", async () => {
  const time = new TestTime();
  const core = await openCore({ clock: time });
  core.store.database.pragma("query_only = ON");
  report(core);
  time.pass(5_000);
  expect(states(core)).toEqual(["pod-1 obeyed"]);
  core.store.database.pragma("query_only = OFF");
  time.pass(5_000);
  expect(core.store.database.prepare("SELECT instance FROM instances").all()).toEqual([{ instance: "pod-1" }]);
});

it("after a release an instance obeys once it has heard of it, also over a restart", async () => {
  const core = await openCore();
  core.killSwitch.kill({ scope: "support", reason: "x" }, BOTH);
  report(core);
  const { instances, epoch } = core.killSwitch.release({ scope: "support", reason: "x" }, RELEASER);
  expect(instances).toEqual({ known: 1, obeyed: 0 });
  core.close();
  const again = await openCore({ dataFile: core.dataFile });
  report(again, { epoch: epoch - 1 });
  expect(states(again)).toEqual(["pod-1 pending"]);
  report(again, { epoch });
  expect(states(again)).toEqual(["pod-1 obeyed"]);
});
