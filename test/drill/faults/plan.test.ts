import { describe, expect, it } from "vitest";
import type { FaultName } from "../../../src/drill/faults/names.ts";
import { planFaults } from "../../../src/drill/faults/plan.ts";
import { startWorld } from "../../support/agents/world.ts";
import { COMMANDS } from "./world.ts";

/** Whether a fault may be made: consent, a target, and what undoes it. */

const worldWith = (faults: string, killSwitch = "") =>
  startWorld({ more: `drills: { faults: ${faults} }`, killSwitch });

async function plan(faults: string, names: FaultName[], killSwitch?: string) {
  const { gathering } = await worldWith(faults, killSwitch);
  return planFaults(gathering, names);
}

describe("a plan of faults", () => {
  it("has each once, in their order, whatever is asked for", async () => {
    const both = `{ agent: ${COMMANDS("agent")}, switch: ${COMMANDS("switch")} }`;
    const planned = await plan(both, ["switch-slow", "agent-frozen", "switch-slow"]);
    expect(planned).toMatchObject({ faults: [{ fault: "agent-frozen" }, { fault: "switch-slow" }] });
  });

  it.each<[string, FaultName, string]>([
    ["{}", "agent-frozen", "agent-frozen: drills.faults.agent is not configured"],
    [`{ agent: ${COMMANDS("agent")} }`, "switch-down", "switch-down: drills.faults.switch is not configured"],
    [
      "{ agent: { kill: { command: [./kill] }, restart: supervisor } }",
      "agent-frozen",
      "agent-frozen: drills.faults.agent.freeze is not configured",
    ],
    [
      "{ agent: { freeze: { command: [touch, x] }, thaw: { command: [rm, x] } } }",
      "agent-killed",
      "agent-killed: drills.faults.agent.kill is not configured",
    ],
    [
      `{ agent: ${COMMANDS("agent")} }`,
      "agent-killed",
      "agent-killed: nothing would start the agent again; say how it is started again: drills.faults.agent.restart, a command or `supervisor`",
    ],
    [
      `{ agent: ${COMMANDS("agent", ", restart: { command: [./no-such-program] }")} }`,
      "agent-killed",
      "agent-killed: drills.faults.agent.restart cannot be made: ./no-such-program is not a program that can be run here",
    ],
    ["{ agent: { pidFile: run/agent.pid } }", "agent-frozen", "agent-frozen: run/agent.pid does not exist"],
  ])("%s: %s is refused beforehand", async (faults, fault, why) => {
    expect(await plan(faults, [fault])).toMatchObject({ why });
  });

  it("takes killSwitch.restart where it is a command, which a guardian can run", async () => {
    const faults = `{ agent: ${COMMANDS("agent")} }`;
    expect(await plan(faults, ["agent-killed"], "restart: { command: [rm, -f, agent-gone] }")).toHaveProperty("faults");
    const request = 'restart: { url: "http://127.0.0.1:1/restart", method: POST }';
    expect(await plan(faults, ["agent-killed"], request)).toMatchObject({
      why: expect.stringContaining("killSwitch.restart is a request, which no guardian can make"),
    });
  });

  it("is none where nothing may be acted on", async () => {
    const { gathering } = await worldWith(`{ agent: ${COMMANDS("agent")} }`);
    const why = "--read-only acts on nothing";
    expect(await planFaults({ ...gathering, mode: "read-only" }, ["agent-frozen"])).toMatchObject({ why });
  });
});
