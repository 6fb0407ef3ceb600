import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { projectFromText } from "../../../src/config/load.ts";
import { rehearseBreaker, rehearseSwitch } from "../../../src/rehearsal/gather.ts";
import { systemClock } from "../../../src/values/clock.ts";

/** A process that rehearses, to be killed: `node child.mjs switch|breaker CLAWPROOF_YAML`. */
const [what, file = ""] = process.argv.slice(2);
const project = projectFromText(readFileSync(file, "utf8"), {
  file,
  shownFile: "clawproof.yaml",
  cwd: dirname(file),
  env: process.env,
});
const rehearse = what === "breaker" ? rehearseBreaker : rehearseSwitch;
await rehearse({
  project,
  mode: "full",
  mayAct: true,
  activator: "child@test",
  clock: systemClock,
  signal: new AbortController().signal,
  progress: { show: () => undefined, say: () => undefined, clear: () => undefined },
  facts: {},
  notBack: [],
});
