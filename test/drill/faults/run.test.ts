import { mkdir, rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { Interrupted } from "../../../src/evidence/gathering.ts";
import { signalSame } from "../../../src/doors/process-info.mjs";
import { readActing } from "../../../src/rehearsal/acting-file.ts";
import { recoverLeftovers } from "../../../src/rehearsal/leftovers.ts";
import { SCOPE, SHORT } from "../../support/agents/world.ts";
import { COMMANDS, type FaultWorld, startFaultWorld } from "./world.ts";

/** Each fault against agents and switches that hold, do not hold, or are not touched by it. */

/** Nothing is pulled, frozen, noted or complained about. */
async function expectBack(world: FaultWorld): Promise<void> {
  expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
  expect([world.isGone("agent"), world.isGone("switch")]).toEqual([false, false]);
  expect(await world.acting()).toBeNull();
  expect(world.gathering.notBack).toEqual([]);
}

describe("agent-frozen", () => {
  it("holds where the switch takes the order and the thawed agent obeys it", async () => {
    const world = await startFaultWorld();
    const outcome = await world.run("agent-frozen");
    expect(outcome).toMatchObject({ fault: "agent-frozen", held: true, proven: true, switchAnswered: true, why: null });
    expect(Object.keys(outcome.ms).sort()).toEqual(["order", "status", "stop"]);
    expect(world.killSwitch.log.map(({ action }) => action)).toEqual(["stop", "resume"]);
    await expectBack(world);
  });

  it("does not hold where the switch hangs with the agent", async () => {
    const world = await startFaultWorld();
    world.killSwitch.onRequest = (path) => {
      if (world.isGone("agent") && path === "/stop") world.killSwitch.faults.set("/stop", 503);
      else world.killSwitch.faults.delete("/stop");
    };
    const outcome = await world.run("agent-frozen");
    expect(outcome).toMatchObject({ held: false, proven: true, switchAnswered: false });
    expect(outcome.why).toBe("while the agent was frozen, the switch did not take the order: answered 503");
    await expectBack(world);
  });

  it("does not hold where the thawed agent goes on writing", async () => {
    const world = await startFaultWorld();
    world.agent.write = () => (world.isGone("agent") ? "hang" : "accept");
    const outcome = await world.run("agent-frozen");
    expect(outcome).toMatchObject({ held: false, proven: true, switchAnswered: true });
    expect(outcome.why).toBe("writes were still accepted after 2.5 s");
    await expectBack(world);
  });

  it("proves nothing where the agent still answers", async () => {
    const world = await startFaultWorld();
    world.agent.read = () => "accept";
    expect(await world.run("agent-frozen")).toMatchObject({ held: false, proven: false, switchAnswered: null });
    expect(world.killSwitch.log).toEqual([]);
    await expectBack(world);
  });

  it("is not begun where somebody's order is in force, or the agent refuses already", async () => {
    const world = await startFaultWorld();
    world.killSwitch.order("stop", SCOPE);
    expect(await world.run("agent-frozen")).toMatchObject({
      proven: false,
      why: `somebody's order is in force on ${SCOPE}`,
    });
    world.killSwitch.order("resume", SCOPE);
    world.agent.write = () => "refuse";
    expect(await world.run("agent-frozen")).toMatchObject({ proven: false, held: false });
    await expectBack(world);
  });

  it("leaves another's order, and then proves nothing", async () => {
    const world = await startFaultWorld();
    world.killSwitch.onOrder = ({ action }) => {
      world.killSwitch.onOrder = null;
      if (action === "stop") world.killSwitch.order("stop", SCOPE);
    };
    const outcome = await world.run("agent-frozen");
    expect(outcome).toMatchObject({ held: false, proven: false });
    expect(outcome.why).toMatch(/^somebody else pulled the switch in the middle: dana/);
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
  });

  it("is taken back when it is interrupted while the agent is frozen", async () => {
    const world = await startFaultWorld();
    world.killSwitch.onOrder = () => world.interrupt();
    await expect(world.run("agent-frozen")).rejects.toThrow(Interrupted);
    world.killSwitch.onOrder = null;
    await expectBack(world);
  });

  it("goes no further where its guardian is killed", async () => {
    const world = await startFaultWorld();
    let killed = false;
    world.killSwitch.onOrder = ({ action }) => {
      if (action !== "stop") return;
      void readActing(world.folder).then((note) => {
        if (note === null || "damaged" in note || !note.fault) return;
        killed = signalSame(note.fault.guardian, "SIGKILL");
      });
    };
    world.agent.write = () => (world.isGone("agent") ? "hang" : "accept");
    const outcome = await world.run("agent-frozen");
    expect(killed).toBe(true);
    expect(outcome).toMatchObject({ held: false, proven: false });
    expect(outcome.why).toMatch(/^the guardian, .* ended in the middle$/);
    await expectBack(world);
  });

  it("says with which command a person thaws what could not be thawed", async () => {
    const world = await startFaultWorld(
      "{ agent: { freeze: { command: [touch, agent-gone] }, thaw: { command: [test, -e, nowhere] } } }",
    );
    const outcome = await world.run("agent-frozen");
    expect(outcome).toMatchObject({ held: false });
    expect(world.gathering.notBack[0]).toMatchObject({
      what: expect.stringContaining("the agent after agent-frozen: drills.faults.agent.thaw: ended with exit status 1"),
      command: expect.stringContaining("test -e nowhere"),
    });
    expect(await world.acting()).not.toBeNull();
  });
});

describe("agent-killed", () => {
  it("holds where the restarted agent comes up stopped", async () => {
    const world = await startFaultWorld();
    const outcome = await world.run("agent-killed");
    expect(outcome).toMatchObject({ held: true, proven: true, switchAnswered: true, why: null });
    expect(outcome.ms["up"]).toBeGreaterThan(0);
    await expectBack(world);
  });

  it("does not hold where the restarted agent writes before it asks the switch", async () => {
    const world = await startFaultWorld();
    let up = 0;
    world.agent.write = () => {
      if (world.isGone("agent")) return "hang";
      return world.killSwitch.stoppedAt(SCOPE) === null || up++ < 3 ? "accept" : "refuse";
    };
    expect(await world.run("agent-killed")).toMatchObject({
      held: false,
      proven: true,
      switchAnswered: true,
      why: "the restarted agent accepted 3 writes before it refused: it did not ask the switch first",
    });
    await expectBack(world);
  });

  it("finds an agent that a supervisor starts, by probing", async () => {
    const world = await startFaultWorld(`{ agent: ${COMMANDS("agent", ", restart: supervisor")} }`);
    // Not before a probe has found nobody.
    world.killSwitch.onOrder = () => void setTimeout(() => void rm(`${world.folder}/agent-gone`, { force: true }), 500);
    expect(await world.run("agent-killed")).toMatchObject({ held: true, proven: true });
    await expectBack(world);
  });

  it("proves nothing where nobody was killed", async () => {
    const world = await startFaultWorld();
    world.agent.write = () => (world.killSwitch.stoppedAt(SCOPE) === null ? "accept" : "refuse");
    expect(await world.run("agent-killed")).toMatchObject({ held: false, proven: false });
    await expectBack(world);
  });
});

describe("switch-down", () => {
  /** Stops so long after the switch is gone. */
  function withLease(world: FaultWorld, leaseMs: number): void {
    let goneAt: number | null = null;
    world.agent.write = () => {
      goneAt = world.isGone("switch") ? (goneAt ?? performance.now()) : null;
      return goneAt !== null && performance.now() - goneAt > leaseMs ? "refuse" : "accept";
    };
  }

  it("holds where writes stop within the time, and go on afterwards", async () => {
    const world = await startFaultWorld();
    withLease(world, 700);
    const outcome = await world.run("switch-down");
    expect(outcome).toMatchObject({ held: true, proven: true, switchAnswered: null, why: null, ms: { within: 2_000 } });
    expect(outcome.ms["stop"]).toBeGreaterThan(600);
    expect(world.killSwitch.log).toEqual([]);
    await expectBack(world);
  });

  it("does not hold where writes stop too late, or never", async () => {
    const world = await startFaultWorld();
    withLease(world, 2_500);
    const late = await world.run("switch-down");
    expect(late).toMatchObject({ held: false, proven: true });
    expect(late.why).toMatch(/^a write was accepted 2\.\d s after the switch was gone, past 2\.0 s$/);
    withLease(world, Number.POSITIVE_INFINITY);
    expect(await world.run("switch-down")).toMatchObject({
      held: false,
      proven: true,
      why: "writes were still accepted after 3.0 s without the switch",
    });
    await expectBack(world);
  });

  it("proves nothing where the switch still answers", async () => {
    const world = await startFaultWorld();
    withLease(world, 300);
    world.killSwitch.onRequest = null;
    expect(await world.run("switch-down")).toMatchObject({
      held: false,
      proven: false,
      why: "the switch still answered after it was stopped",
    });
    await expectBack(world);
  });
});

describe("switch-slow", () => {
  it("proves nothing where nothing is slower than before", async () => {
    const world = await startFaultWorld();
    world.killSwitch.onRequest = null;
    // A second more is what counts as slower: however busy this machine is, it takes no answer that much longer.
    const outcome = await world.run("switch-slow", { pulseStopped: 4_000 });
    expect(outcome).toMatchObject({ held: false, proven: false });
    expect(world.killSwitch.log).toEqual([]);
    await expectBack(world);
  });
});

describe("a drill and its guardian that both died", () => {
  it("leave a note, and the next run thaws first and then releases", async () => {
    const world = await startFaultWorld();
    let note = "";
    world.killSwitch.onOrder = () => {
      world.killSwitch.onOrder = null;
      void world.acting().then((text) => (note = text ?? ""));
    };
    await world.run("agent-frozen");
    expect(JSON.parse(note)).toMatchObject({ what: "kill-switch", fault: { target: "agent", did: "frozen" } });
    await mkdir(`${world.folder}/.clawproof`, { recursive: true });
    await writeFile(`${world.folder}/.clawproof/acting.json`, JSON.stringify({ ...JSON.parse(note), pid: 2 ** 30 }));
    await writeFile(`${world.folder}/agent-gone`, "");
    await recoverLeftovers(world.gathering, SHORT);
    expect(world.gathering.said[0]).toMatch(/ended while the agent was frozen and the kill switch on .* was pulled/);
    await expectBack(world);
  });
});
