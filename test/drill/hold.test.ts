import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { gatheringFrom } from "../evidence/support.ts";
import { TOKENS } from "../support/agents/switch.ts";
import { SCOPE } from "../support/agents/world.ts";
import { type DrillWorld, startDrillWorld } from "./shop.ts";

/** A drill, held against a real agent and a real switch whose every answer a test decides. */

const underway = ({ world }: DrillWorld): Promise<string | null> =>
  readFile(join(world.folder, ".clawproof/drill.json"), "utf8").catch(() => null);

const notes = ({ shop }: DrillWorld) => shop.items.filter(({ type }) => type === "note");

async function lineOf(it: DrillWorld) {
  const drill = await it.drill();
  if (drill.state !== "measured") throw new Error(drill.why);
  return drill.line;
}

describe("a drill", () => {
  it("holds where all is as it should be, and leaves nothing", async () => {
    const it = await startDrillWorld(["note", "mail"]);
    const line = await lineOf(it);
    expect(line).toMatchObject({ verdict: { held: true, why: null }, troubles: [], breaker: { held: true } });
    expect(line.undone).toMatchObject([
      { type: "note", equal: true },
      { type: "mail", equal: true },
    ]);
    expect(it.told.map(([step]) => step)).toEqual(["breaker", "write", "write", "stop", "reads", "undo", "release"]);
    const { killSwitch } = it.world;
    expect(killSwitch.log.map(({ reason }) => reason)).toEqual([
      `${line.mark}: rehearsal, put back in a moment`,
      `${line.mark}: drill over, ${line.digest}`,
    ]);
    expect([it.shop.items, await it.world.acting(), await underway(it)]).toEqual([[], null, null]);
  });

  it("of an agent that does not stop leaves a line that says so", async () => {
    const it = await startDrillWorld();
    const { agent } = it.world;
    agent.write = () => (agent.breaker === "open" ? "refuse" : "accept");
    const { stop, verdict, undone } = await lineOf(it);
    expect([stop.ms, verdict]).toEqual([null, { held: false, why: "the agent did not stop" }]);
    expect(undone).toMatchObject([{ type: "note", equal: true }]);
    expect([it.shop.items, await underway(it)]).toEqual([[], null]);
    expect(it.world.killSwitch.stoppedAt(SCOPE)).toBeNull();
  });

  it("names the types whose undo proves nothing, or did nothing", async () => {
    const it = await startDrillWorld(["left", "dull", "refused", "stateless", "drifting", "good"]);
    it.shop.kept.add("left");
    it.shop.dull.add("dull");
    it.shop.refused.add("refused");
    it.shop.drifting.add("drifting");
    const { verdict, undone, troubles } = await lineOf(it);
    expect(undone.map(({ type, equal }) => [type, equal])).toEqual([
      ["left", false],
      ["good", true],
    ]);
    expect(troubles).toEqual([
      "dull: its state did not change, so undoing it would prove nothing",
      "refused: not written: answered 403",
      "stateless: not compared: it has no state (agent.probes.writes)",
      "drifting: its state before the drill could not be told: it changes by itself: name what to compare with `at`",
    ]);
    expect(verdict).toEqual({ held: false, why: ["left was not restored", ...troubles].join("; ") });
  });

  it("writes nothing where nothing could undo it", async () => {
    const it = await startDrillWorld();
    const yaml = it.world.yaml.replace(/^rollback:.*$/m, "");
    const gathering = Object.assign(gatheringFrom(it.world.folder, yaml, { env: TOKENS, mayAct: true }), {
      said: [],
      shown: [],
    });
    const writes: string[] = [];
    it.shop.onWrite = (type) => void writes.push(type);
    expect(await it.drill(gathering)).toMatchObject({
      line: { undone: [], verdict: { held: false, why: expect.stringContaining("nothing is written, because") } },
    });
    expect(writes).toEqual([]);
  });
});

describe("a drill that is interrupted", () => {
  it("before the release carries nothing to the switch, and takes everything back", async () => {
    const it = await startDrillWorld();
    it.shop.onUndo = () => it.world.interrupt();
    await expect(it.drill()).rejects.toThrow(Interrupted);
    expect(it.world.killSwitch.log.at(-1)?.reason).toMatch(/: rehearsal over$/);
    expect([it.shop.items, await it.world.acting(), await underway(it)]).toEqual([[], null, null]);
  });

  it("after the release, which carried what was measured, has its line all the same", async () => {
    const it = await startDrillWorld();
    it.world.killSwitch.onOrder = ({ action }) => {
      if (action === "resume") it.world.interrupt();
    };
    expect(await it.drill()).toMatchObject({ state: "measured", line: { verdict: { held: true } } });
    expect([it.shop.items, await underway(it)]).toEqual([[], null]);
  });

  it("waits for the write that is under way, and takes it back", async () => {
    const it = await startDrillWorld();
    it.shop.slowMs = 200;
    it.shop.onWrite = () => it.world.interrupt();
    await expect(it.drill()).rejects.toThrow(Interrupted);
    expect([it.shop.items, await underway(it)]).toEqual([[], null]);
    expect(it.world.killSwitch.log).toEqual([]);
  });
});

describe("a drill whose release failed", () => {
  it("is put back by the next one, which takes back what that wrote too", async () => {
    const it = await startDrillWorld();
    const { killSwitch, gathering, folder } = it.world;
    killSwitch.faults.set("/resume", 500);
    const { verdict, releasedAfterMs } = await lineOf(it);
    expect([verdict.held, releasedAfterMs]).toEqual([false, null]);
    expect(gathering.notBack).toEqual([
      {
        what: `${SCOPE} at the kill switch: the release failed: answered 500`,
        command: expect.stringContaining("curl"),
      },
    ]);
    expect(killSwitch.stoppedAt(SCOPE)).not.toBeNull();
    expect(it.shop.items).toEqual([]);

    killSwitch.faults.clear();
    gathering.notBack.length = 0;
    // As if its process had ended: an id beyond what any system gives out.
    const acting = join(folder, ".clawproof/acting.json");
    const left = JSON.parse(await readFile(acting, "utf8")) as object;
    await writeFile(acting, JSON.stringify({ ...left, pid: 2 ** 30 }));
    expect((await lineOf(it)).verdict.held).toBe(true);
    expect(gathering.said.join()).toContain("putting it back first");
    expect([it.shop.items, await it.world.acting(), await underway(it)]).toEqual([[], null, null]);
  });
});

describe("what an earlier drill left written", () => {
  async function leftBehind(more = ""): Promise<DrillWorld> {
    const it = await startDrillWorld(["note"], { more });
    it.shop.undoFails = true;
    const { verdict } = await lineOf(it);
    expect(verdict.why).toContain("note was not restored");
    expect(verdict.why).toContain("not taken back: exit 1: the shop is closed");
    expect(it.world.gathering.said.at(-1)).toContain("is not all taken back: exit 1: the shop is closed");
    expect(notes(it)).toHaveLength(1);
    expect(await underway(it)).not.toBeNull();
    return it;
  }

  it("is taken back by the next one first", async () => {
    const it = await leftBehind();
    const again = await it.drill();
    expect(again).toMatchObject({ state: "unknown", why: expect.stringContaining("could not be taken back: exit 1") });
    it.shop.undoFails = false;
    it.told.length = 0;
    expect((await lineOf(it)).verdict.held).toBe(true);
    expect(it.told[0]).toEqual(["undo", expect.stringMatching(/^what an earlier drill wrote .* is taken back$/)]);
    expect([it.shop.items, await underway(it)]).toEqual([[], null]);
  });

  it("is left to a drill of the same environment", async () => {
    const it = await leftBehind("environments: { staging: { killSwitch: { rehearse: {} } } }");
    it.shop.undoFails = false;
    const gathering = Object.assign(
      gatheringFrom(it.world.folder, it.world.yaml, { env: TOKENS, mayAct: true, environment: "staging" }),
      { said: [], shown: [] },
    );
    expect(await it.drill(gathering)).toMatchObject({
      state: "unknown",
      why: expect.stringContaining("hold one without --env first, which takes back what it wrote"),
    });
    expect(notes(it)).toHaveLength(1);
  });

  it("is not guessed at", async () => {
    const it = await leftBehind();
    for (const text of ["", "{}", '{"schema":"clawproof/drilling@1","trace":"no trace"}']) {
      await writeFile(join(it.world.folder, ".clawproof/drill.json"), text);
      expect(await it.drill()).toMatchObject({ state: "unknown", why: expect.stringContaining("is damaged: see") });
    }
  });
});

describe("two drills at once", () => {
  it("are one: the other is told so, and touches nothing", async () => {
    const it = await startDrillWorld();
    const [first, second] = await Promise.all([it.drill(), it.drill()]);
    expect([first.state, second.state].sort()).toEqual(["measured", "unknown"]);
    expect([first, second]).toContainEqual({
      state: "unknown",
      why: "another drill of this configuration is under way",
    });
    expect(it.world.killSwitch.log).toHaveLength(2);
  });
});
