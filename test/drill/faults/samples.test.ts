import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stage, start, unstage } from "../../../fixtures/stage.mjs";
import { FAULTS, type FaultName } from "../../../src/drill/faults/names.ts";
import { planFaults } from "../../../src/drill/faults/plan.ts";
import { runFault } from "../../../src/drill/faults/run.ts";
import type { Gathering } from "../../../src/evidence/gathering.ts";
import { processInfo } from "../../../src/doors/process-info.mjs";
import { gatheringFrom } from "../../evidence/support.ts";
import { afterThisFile } from "../../support/ending.ts";

/** Real processes are frozen, killed and slowed: the agents of the samples, and their switches. */

const environment = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
);

async function startSample(name: string): Promise<{ folder: string; gathering: Gathering }> {
  const folder = await stage(name);
  afterThisFile(() => unstage(folder));
  const sample = await start(folder);
  afterThisFile(() => sample.stop());
  const yaml = await readFile(join(folder, "clawproof.yaml"), "utf8");
  return {
    folder,
    gathering: gatheringFrom(folder, yaml, { env: environment, mayAct: true, activator: "kim@laptop" }),
  };
}

async function run(gathering: Gathering, fault: FaultName) {
  const plan = await planFaults(gathering, [fault]);
  if ("state" in plan) throw new Error(plan.why);
  const [planned] = plan.faults;
  if (!planned) throw new Error("nothing was planned");
  return runFault(planned, gathering);
}

const HELD: Record<string, readonly FaultName[]> = {
  ready: ["agent-frozen", "agent-killed", "switch-slow"],
  // With a lease of our own service, and all four after one another, as a drill makes them.
  guarded: FAULTS,
};

describe.concurrent("faults hold in the sample", () => {
  it.each(Object.keys(HELD))("%s", { timeout: 180_000 }, async (name) => {
    const { gathering, folder } = await startSample(name);
    for (const fault of HELD[name] ?? []) {
      const outcome = await run(gathering, fault);
      expect(outcome).toMatchObject({ fault, held: true, proven: true, why: null });
      expect(outcome.switchAnswered).toBe(fault === "switch-down" ? null : true);
      expect(gathering.notBack).toEqual([]);
      for (const one of ["agent", "switch"]) {
        const pid = Number(await readFile(join(folder, "run", `${one}.pid`), "utf8"));
        expect(processInfo(pid)?.state).not.toBe("T");
      }
    }
  });
});
