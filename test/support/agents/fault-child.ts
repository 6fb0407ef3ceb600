import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { projectFromText } from "../../../src/config/load.ts";
import type { FaultName } from "../../../src/drill/faults/names.ts";
import { planFaults } from "../../../src/drill/faults/plan.ts";
import { runFault } from "../../../src/drill/faults/run.ts";
import { systemClock } from "../../../src/values/clock.ts";

/** A process that makes a fault, to be killed: `node fault-child.js FAULT CLAWPROOF_YAML [TRACE]`. */
const [fault, file = "", trace = ""] = process.argv.slice(2);
const project = projectFromText(readFileSync(file, "utf8"), {
  file,
  shownFile: "clawproof.yaml",
  cwd: dirname(file),
  env: process.env,
});
const gathering = {
  project,
  mode: "full" as const,
  mayAct: true as const,
  activator: "child@test",
  clock: systemClock,
  signal: new AbortController().signal,
  progress: { show: () => undefined, say: () => undefined, clear: () => undefined },
  facts: {},
  notBack: [],
};
const plan = await planFaults(gathering, [fault as FaultName]);
if ("state" in plan) throw new Error(plan.why);
for (const planned of plan.faults) await runFault(planned, gathering, trace === "" ? {} : { trace });
