import { existsSync } from "node:fs";
import { join } from "node:path";
import type { FaultName } from "../../../src/drill/faults/names.ts";
import { planFaults } from "../../../src/drill/faults/plan.ts";
import { FAULT_LIMITS } from "../../../src/drill/faults/limits.ts";
import { runFault, type FaultOutcome } from "../../../src/drill/faults/run.ts";
import { SCOPE, SHORT, startWorld, type World, type Written } from "../../support/agents/world.ts";

/** Faults made by commands that touch and remove files, which the agent and the switch of the test look for. */

export const FIGURES = { ...FAULT_LIMITS, silence: 300, answer: 1_500, pulseStopped: 250, spare: 5_000 };

const LIMITS = { ...SHORT, stop: 2_500 };

export const COMMANDS = (name: string, more = ""): string =>
  `{ freeze: { command: [touch, ${name}-gone] }, thaw: { command: [rm, -f, ${name}-gone] }, kill: { command: [touch, ${name}-gone] }${more} }`;

export interface FaultWorld extends World {
  /** Whether the fault is on. */
  isGone(name: "agent" | "switch"): boolean;
  run(fault: FaultName, figures?: Partial<typeof FIGURES>): Promise<FaultOutcome>;
}

export async function startFaultWorld(
  faults = `{ agent: ${COMMANDS("agent", ", restart: { command: [rm, -f, agent-gone] }")}, switch: ${COMMANDS("switch")} }`,
  written: Written = {},
): Promise<FaultWorld> {
  const world = await startWorld({ ...written, more: `policy: { stopWithin: 2s }\ndrills: { faults: ${faults} }` });
  const { agent, killSwitch, folder, gathering } = world;
  const isGone = (name: string): boolean => existsSync(join(folder, `${name}-gone`));
  agent.write = () => (isGone("agent") ? "hang" : killSwitch.stoppedAt(SCOPE) === null ? "accept" : "refuse");
  agent.read = () => (isGone("agent") ? "hang" : "accept");
  killSwitch.onRequest = (path) => {
    if (isGone("switch")) killSwitch.faults.set(path, "hang");
    else killSwitch.faults.delete(path);
  };
  return {
    ...world,
    isGone,
    async run(fault, figures = {}) {
      const plan = await planFaults(gathering, [fault]);
      if ("state" in plan) throw new Error(plan.why);
      const [planned] = plan.faults;
      if (!planned) throw new Error("nothing was planned");
      return runFault(planned, gathering, { limits: LIMITS, figures: { ...FIGURES, ...figures } });
    },
  };
}
