import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actingFile, beginActing, endActing, readActing, type Acting } from "../../src/rehearsal/acting-file.ts";
import { rehearseSwitch } from "../../src/rehearsal/gather.ts";
import { sayLeftovers } from "../../src/rehearsal/leftover-words.ts";
import { CannotAct, recoverLeftovers } from "../../src/rehearsal/leftovers.ts";
import { afterThis } from "../doors/servers.ts";
import { TOKENS } from "../support/agents/switch.ts";
import { obey, SCOPE, SHORT, startWorld, type World } from "../support/agents/world.ts";

/** What a run leaves that is killed, and the next one that puts it back. */

const ROOT = join(import.meta.dirname, "../..");
let folder = "";
let child = "";

beforeAll(async () => {
  await mkdir(join(ROOT, "node_modules/.cache"), { recursive: true });
  folder = await mkdtemp(join(ROOT, "node_modules/.cache/clawproof-test-"));
  child = join(folder, "child.mjs");
  const entry = join(ROOT, "test/support/agents/rehearse-child.ts");
  await build({
    entryPoints: [entry],
    outfile: child,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Starts a rehearsal in a process of its own; in an object, because a process is also the promise of its end. */
async function startChild(world: World, what: "switch" | "breaker" = "switch") {
  const file = join(world.folder, "clawproof.yaml");
  await writeFile(file, world.yaml);
  const process = execa("node", [child, what, file], { env: TOKENS, reject: false });
  afterThis(() => void process.kill("SIGKILL"));
  return { process };
}

/** Runs it until `when` says so, and ends it the hard way. */
async function killWhen(world: World, when: (die: () => void) => void, what?: "switch" | "breaker"): Promise<void> {
  const { process } = await startChild(world, what);
  when(() => process.kill("SIGKILL"));
  expect(await process).toMatchObject({ signal: "SIGKILL" });
}

const recover = (world: World) => recoverLeftovers(world.gathering, SHORT);

async function entryFor(world: World, changes: Partial<Acting> = {}): Promise<void> {
  const { project } = world.gathering;
  const entry = { what: "kill-switch", scope: SCOPE, mark: "clawproof-abcdef", activator: "kim@laptop" } as const;
  const more = {
    environment: null,
    config: project.sha256,
    at: "2026-11-20T00:00:00.000Z",
    putBack: "curl X",
    logBefore: [],
  };
  await beginActing(world.folder, { ...entry, ...more });
  const written = await readActing(world.folder);
  const file = actingFile(world.folder);
  // A process id beyond what any system gives out.
  await writeFile(file, JSON.stringify({ ...written, pid: 2 ** 30, ...changes }));
}

describe("a run that was killed", () => {
  it("right after the order is put back by the next one", async () => {
    const world = await startWorld();
    obey(world);
    await killWhen(world, (die) => {
      world.killSwitch.onOrder = () => die();
    });
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
    expect(await world.acting()).not.toBeNull();
    world.killSwitch.onOrder = null;
    await recover(world);
    expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
    expect(await world.acting()).toBeNull();
    expect(world.gathering.said[0]).toMatch(
      /^an earlier run was ended while the kill switch on drill\/support was pulled \(pid \d+, .*\): putting it back first$/,
    );
    // Its own rehearsal begins as if nothing had been.
    expect(await rehearseSwitch(world.gathering, SHORT)).toMatchObject({ state: "found" });
  });

  it("while the agent was stopped is put back by the next rehearsal itself", async () => {
    const world = await startWorld();
    obey(world);
    await killWhen(world, (die) => {
      const { write } = world.agent;
      let refusals = 0;
      world.agent.write = (asked) => {
        const decision = write(asked);
        if (decision === "refuse" && ++refusals === 5) die();
        return decision;
      };
    });
    expect(await rehearseSwitch(world.gathering, SHORT)).toMatchObject({ state: "found" });
    expect(world.killSwitch.log.map(({ action }) => action)).toEqual(["stop", "resume", "stop", "resume"]);
  });

  it("between the note and the order has nothing to put back, whatever the switch says to a release", async () => {
    const world = await startWorld();
    obey(world);
    await entryFor(world, { at: new Date().toISOString() });
    world.killSwitch.faults.set("/resume", 409);
    await recover(world);
    expect(await world.acting()).toBeNull();
    expect(world.gathering.notBack).toEqual([]);
  });

  it("with the breaker open is put back", async () => {
    const world = await startWorld();
    world.agent.write = () => (world.agent.breaker === "open" ? "refuse" : "accept");
    await killWhen(
      world,
      (die) => {
        world.agent.write = () => {
          if (world.agent.breaker === "closed") return "accept";
          die();
          return "refuse";
        };
      },
      "breaker",
    );
    expect(world.agent.breaker).toBe("open");
    await recover(world);
    expect(world.agent.breaker).toBe("closed");
    expect(await world.acting()).toBeNull();
  });

  it("is not put back over somebody else's newer order", async () => {
    const world = await startWorld();
    obey(world);
    await killWhen(world, (die) => {
      world.killSwitch.onOrder = () => die();
    });
    world.killSwitch.onOrder = null;
    world.killSwitch.order("stop", SCOPE);
    await recover(world);
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
    expect(world.gathering.said.at(-1)).toMatch(/^LEFT AS IT IS: dana gave an order/);
    expect(await world.acting()).toBeNull();
  });

  it("stays noted where putting back fails", async () => {
    const world = await startWorld();
    obey(world);
    await killWhen(world, (die) => {
      world.killSwitch.onOrder = () => die();
    });
    world.killSwitch.onOrder = null;
    world.killSwitch.faults.set("/resume", 500);
    await expect(recover(world)).rejects.toThrow("could not be put back: the release failed: answered 500");
    expect(world.gathering.notBack).toHaveLength(1);
    expect(await world.acting()).not.toBeNull();
    const fact = await rehearseSwitch(world.gathering, SHORT);
    expect(fact).toMatchObject({ state: "failed", why: expect.stringContaining("nothing else is touched") });
  });
});

describe("a run that lives", () => {
  it("is not disturbed", async () => {
    const world = await startWorld();
    obey(world);
    const { process } = await startChild(world);
    await new Promise<void>((resolve) => (world.killSwitch.onOrder = () => resolve()));
    const why = `another clawproof (pid ${process.pid}) is acting`;
    await expect(recover(world)).rejects.toThrow(why);
    expect(await rehearseSwitch(world.gathering, SHORT)).toMatchObject({ state: "failed", why });
    await sayLeftovers(world.gathering);
    expect(world.gathering.said).toEqual([why]);
    expect(world.killSwitch.log).toHaveLength(1);
    process.kill("SIGKILL");
    await process;
  });

  it("is told from another that was given its process id", async () => {
    const world = await startWorld();
    obey(world);
    await entryFor(world, { pid: process.pid, startedAt: "1" });
    await recover(world);
    expect(await world.acting()).toBeNull();
  });

  it("and a second one cannot both write the note", async () => {
    const world = await startWorld();
    await entryFor(world);
    await expect(entryFor(world)).rejects.toThrow("is there already");
    await endActing(world.folder);
  });
});

describe("what must not be put back by guessing", () => {
  it.each<[string, Partial<Acting>, RegExp]>([
    ["another environment", { environment: "staging" }, /run clawproof with --env staging to put it back$/],
    [
      "another configuration",
      { config: "0".repeat(64) },
      /clawproof\.yaml has changed since; put it back with: curl X, then remove the file$/,
    ],
  ])("%s", async (_, changes, why) => {
    const world = await startWorld();
    await entryFor(world, changes);
    await expect(recover(world)).rejects.toThrow(why);
    expect(world.killSwitch.requests).not.toContain("/resume");
    expect(await world.acting()).not.toBeNull();
  });

  it.each(["", "{", "[]", '{"schema":"clawproof/acting@9"}'])("a damaged note: %j", async (text) => {
    const world = await startWorld();
    await mkdir(join(world.folder, ".clawproof"));
    await writeFile(actingFile(world.folder), text);
    await expect(recover(world)).rejects.toBeInstanceOf(CannotAct);
    const fact = await rehearseSwitch(world.gathering, SHORT);
    expect(fact).toMatchObject({ state: "failed", why: expect.stringContaining(actingFile(world.folder)) });
    await sayLeftovers(world.gathering);
    expect(world.gathering.said).toEqual([expect.stringContaining("is damaged")]);
    expect(world.agent.writes).toEqual([]);
  });

  it("but a changed configuration whose switch logged the mark is the same switch", async () => {
    const world = await startWorld();
    obey(world);
    await killWhen(world, (die) => {
      world.killSwitch.onOrder = () => die();
    });
    world.killSwitch.onOrder = null;
    const left = await readActing(world.folder);
    await writeFile(actingFile(world.folder), JSON.stringify({ ...left, config: "0".repeat(64) }));
    await recover(world);
    expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
  });
});

it("a run that may not act says what is left and how it is put back", async () => {
  const world = await startWorld();
  await entryFor(world);
  await sayLeftovers(world.gathering);
  expect(world.gathering.said).toEqual([
    "an earlier run was ended while the kill switch on drill/support was pulled (pid 1073741824, 2026-11-20T00:00:00.000Z): " +
      "an audit that may act puts it back, or: curl X",
  ]);
  expect(world.killSwitch.requests).toEqual([]);
});
