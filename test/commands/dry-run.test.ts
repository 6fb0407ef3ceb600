import { expect, test } from "vitest";
import type { Plan } from "../../src/audit/plan.ts";
import { missingSecrets, renderPlan } from "../../src/commands/dry-run.ts";
import { projectOf } from "../audit/support.ts";

const at = (line: number) => ({ file: "clawproof.yaml", line, column: 1 });
const PLAN: Plan = {
  reads: [{ text: "fallback: file fallback.md", location: at(9) }],
  acts: [
    { target: "t", text: "pull the kill switch, once: POST http://s/stop", details: ["put back: x"], location: at(13) },
  ],
  nots: [],
  secrets: [
    { name: "SWITCH_TOKEN", location: at(11) },
    { name: "AGENT_TOKEN", location: at(4) },
  ],
};

test("sections in order, aligned, with file and line", () => {
  expect(renderPlan(PLAN, PLAN.secrets.slice(0, 1))).toBe(`would read:
  clawproof.yaml:9   fallback: file fallback.md

would act on:
  clawproof.yaml:13  pull the kill switch, once: POST http://s/stop
                       put back: x

would not: nothing

missing secrets:
  clawproof.yaml:11  SWITCH_TOKEN
`);
});

test("missing are those that are not set", async () => {
  const { secrets } = projectOf(undefined, { env: { AGENT_TOKEN: "x" } });
  expect((await missingSecrets(PLAN, secrets)).map(({ name }) => name)).toEqual(["SWITCH_TOKEN"]);
});
