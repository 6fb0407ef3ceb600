import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { lives } from "../../../src/doors/process-info.mjs";
import type { FaultName } from "../../../src/drill/faults/names.ts";
import { readActing } from "../../../src/rehearsal/acting-file.ts";
import { recoverLeftovers } from "../../../src/rehearsal/leftovers.ts";
import { afterThis } from "../../doors/servers.ts";
import { buildChildren } from "../../support/agents/build-children.ts";
import { TOKENS } from "../../support/agents/switch.ts";
import { SCOPE, SHORT } from "../../support/agents/world.ts";
import { type FaultWorld, startFaultWorld } from "./world.ts";

/** A drill that is killed in the middle of a fault: its guardian undoes the fault, and the next run the rest. */

/** Of all that the fault has the agent do: whoever puts back goes on under it, and the drill after that takes it back. */
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
let folder = "";
beforeAll(async () => {
  folder = await buildChildren("fault-child");
});

/** Runs the fault in a process of its own, killed the hard way when `when` says so. */
async function killWhen(world: FaultWorld, fault: FaultName, when: (die: () => void) => void): Promise<void> {
  const file = join(world.folder, "clawproof.yaml");
  await writeFile(file, world.yaml);
  const env = { ...TOKENS, PATH: process.env["PATH"] ?? "" };
  const drill = execa("node", [join(folder, "fault-child.js"), fault, file, TRACE], { env, reject: false });
  afterThis(() => void drill.kill("SIGKILL"));
  when(() => drill.kill("SIGKILL"));
  expect(await drill).toMatchObject({ signal: "SIGKILL" });
}

const until = (what: () => boolean) => expect.poll(what, { timeout: 20_000, interval: 50 }).toBe(true);

describe("a drill that is killed", () => {
  it.each<[FaultName, "agent" | "switch"]>([
    ["agent-frozen", "agent"],
    ["agent-killed", "agent"],
  ])("in the middle of %s", async (fault, target) => {
    const world = await startFaultWorld();
    await killWhen(world, fault, (die) => {
      world.killSwitch.onOrder = () => die();
    });
    world.killSwitch.onOrder = null;
    const note = await readActing(world.folder);
    expect(note).toMatchObject({ what: "kill-switch", fault: { target }, trace: TRACE });
    // Nobody runs clawproof again, and nothing stays frozen all the same.
    await until(() => !world.isGone(target));
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
    await recoverLeftovers(world.gathering, SHORT);
    expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
    expect(await world.acting()).toBeNull();
    expect(note !== null && !("damaged" in note) && note.fault && lives(note.fault.guardian)).toBe(false);
  });

  it("while the switch is down", async () => {
    const world = await startFaultWorld();
    await killWhen(world, "switch-down", (die) => {
      world.agent.write = () => {
        if (world.isGone("switch")) die();
        return "accept";
      };
    });
    await until(() => !world.isGone("switch"));
    expect(await readActing(world.folder)).toMatchObject({ what: "fault", fault: { target: "switch", did: "frozen" } });
    await recoverLeftovers(world.gathering, SHORT);
    expect(world.gathering.said[0]).toMatch(/^an earlier run was ended while the switch was frozen \(pid/);
    expect(await world.acting()).toBeNull();
    expect(world.killSwitch.log).toEqual([]);
  });
});
