import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { gatherRehearsal } from "../../src/rehearsal/gather.ts";
import { recoverLeftovers } from "../../src/rehearsal/leftovers.ts";
import { actingFile, beginActing, readActing } from "../../src/rehearsal/acting-file.ts";
import { obey, SCOPE, startWorld } from "../support/agents/world.ts";

describe("committed src/rehearsal", () => {
  it("G: does not pull where the release's secret is not set", async () => {
    const release =
      'release: { url: "http://127.0.0.1:1/resume?scope=${scope}", method: POST, headers: { t: "${RELEASE_TOKEN}" } }';
    const world = await startWorld({ release });
    obey(world);
    await gatherRehearsal(world.gathering);
    expect(world.killSwitch.log).toEqual([]);
  }, 120_000);
  it("X: a newest-first log without times and with older entries is put back", async () => {
    const log = 'log: { url: "LOG", entries: /entries, fields: { by: /by, reason: /reason, scope: /scope } }';
    const world = await startWorld({ log });
    obey(world);
    Object.assign(world.killSwitch, { newestFirst: true });
    world.killSwitch.order("stop", SCOPE);
    world.killSwitch.order("resume", SCOPE);
    await gatherRehearsal(world.gathering);
    expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
  }, 120_000);
  it("M: a status that fails once after the agent's try accuses nobody", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.onRequest = (path, count) => {
      if (path === "/resume" && count === 1) {
        let n = 0;
        world.killSwitch.onRequest = (p) => {
          if (p === "/state") {
            n++;
            if (n === 2) world.killSwitch.faults.set("/state", 500);
            else world.killSwitch.faults.delete("/state");
          } else world.killSwitch.faults.delete("/state");
        };
      }
    };
    const fact = await gatherRehearsal(world.gathering);
    expect(fact.state === "found" && fact.value.samples[0]?.releaseAsAgent).toMatchObject({ stillStopped: true });
  }, 120_000);
  it("E: somebody's newer order survives a log that cannot be read at the end", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.onOrder = ({ action }) => {
      if (action === "stop")
        setTimeout(() => {
          world.killSwitch.order("stop", SCOPE);
          world.killSwitch.faults.set("/log", 500);
        }, 300);
    };
    await gatherRehearsal(world.gathering);
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
  }, 120_000);
  it("D: a note of another configuration releases nobody's order on another switch", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.order("stop", SCOPE);
    await new Promise((r) => setTimeout(r, 50));
    await mkdir(world.folder + "/.clawproof", { recursive: true });
    await beginActing(world.folder, {
      what: "kill-switch",
      scope: SCOPE,
      mark: "clawproof-abcdef",
      activator: "kim@laptop",
      environment: null,
      config: "0".repeat(64),
      at: new Date().toISOString(),
      putBack: "curl X",
      logBefore: [],
    });
    const left = await readActing(world.folder);
    await writeFile(actingFile(world.folder), JSON.stringify({ ...left, pid: 2 ** 30 }));
    await recoverLeftovers(world.gathering).catch(() => undefined);
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
  }, 120_000);
  it("A: a second note does not overwrite the first", async () => {
    const world = await startWorld();
    const e = {
      what: "kill-switch",
      scope: SCOPE,
      activator: "kim",
      environment: null,
      config: "0",
      at: new Date().toISOString(),
      putBack: "",
    } as const;
    await beginActing(world.folder, { ...e, logBefore: [], mark: "clawproof-111111" });
    await beginActing(world.folder, { ...e, logBefore: [], mark: "clawproof-222222" }).catch(() => undefined);
    expect(await world.acting()).toContain("111111");
  });
  it("K: probes.sink alone ends the stop time with what landed last", async () => {
    const world = await startWorld({ probes: "sink: { url: /landed, at: /count }" });
    obey(world);
    let last = 0,
      pulled = 0;
    world.killSwitch.onOrder = ({ action }) => {
      if (action === "stop") {
        pulled = performance.now();
        setTimeout(() => {
          world.agent.landed += 1;
          last = performance.now();
        }, 1_500);
      }
    };
    const fact = await gatherRehearsal(world.gathering);
    const stop = fact.state === "found" ? fact.value.samples[0]?.stop : null;
    expect(stop?.state === "stopped" && stop.ms).toBeGreaterThan(last - pulled - 60);
  }, 120_000);
  it("V: a switch that only denies is not said to abort", async () => {
    const world = await startWorld({
      probes: "run: { url: '/run?seconds=${seconds}', method: POST }\n    sink: { url: /landed, at: /count }",
      more: "policy: { stopWithin: 1s }",
    });
    obey(world);
    world.agent.onRun = (s) => {
      const end = performance.now() + s * 1000;
      const t = setInterval(() => {
        if (performance.now() > end) clearInterval(t);
        else world.agent.landed += 1;
      }, 400);
    };
    const fact = await gatherRehearsal(world.gathering);
    expect(fact.state === "found" && fact.value.samples[0]?.kind).toBe("deny");
  }, 120_000);
  it("B: a breaker that opens on one instance after the other within 10 s", async () => {
    const { gatherBreakerRehearsal } = await import("../../src/rehearsal/gather.ts");
    const world = await startWorld();
    let n = 0;
    world.agent.write = () =>
      world.agent.breaker === "closed" ? "accept" : n++ % 3 === 1 && n < 40 ? "accept" : "refuse";
    const fact = await gatherBreakerRehearsal(world.gathering);
    expect(fact.state === "found" && fact.value).toMatchObject({ writesRefused: true, writesAccepted: 0 });
  }, 120_000);
});
