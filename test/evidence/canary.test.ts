import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatherCanary } from "../../src/evidence/canary.ts";
import { folderForTest, gatheringFrom, valueOf } from "./support.ts";

const HEAD = "version: 1\nagent: { name: support }\n";
const ROLLOUT = `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: support }
spec:
  replicas: 20
  strategy: { canary: { steps: [{ setWeight: 5 }, { pause: {} }] } }
`;

async function gather(yaml: string, manifest?: string, overrides: Parameters<typeof gatheringFrom>[2] = {}) {
  const folder = await folderForTest();
  if (manifest !== undefined) await writeFile(join(folder, "rollout.yaml"), manifest);
  return gatherCanary(gatheringFrom(folder, HEAD + yaml, overrides));
}

describe("gatherCanary", () => {
  it("is absent without a section, and where the manifest shifts no traffic", async () => {
    expect(await gather("")).toMatchObject({ state: "absent", why: "canary is not configured" });
    const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\n";
    expect(await gather("canary: { manifest: rollout.yaml }\n", deployment)).toMatchObject({
      state: "absent",
      why: "no Rollout and no Canary in rollout.yaml",
    });
  });

  it("reads what users get first, and where it stands", async () => {
    const fact = await gather("canary: { manifest: rollout.yaml }\n", `---\n# first\n---\n${ROLLOUT}`);
    expect(valueOf(fact).reading).toMatchObject({ kind: "canary", resource: "Rollout/support", beforeFirstGatePct: 5 });
    expect(fact).toMatchObject({
      location: { file: "rollout.yaml", line: 4 },
      evidence: [{ level: "inspected", source: "rollout.yaml:4" }, {}, {}],
    });
  });

  it("does not believe a manifest that stands in clawproof.yaml", async () => {
    const text = ROLLOUT.replaceAll("\n", "\n      ");
    const fact = await gather(`canary:\n  manifest:\n    text: |\n      ${text}\n`);
    expect(fact).toMatchObject({ state: "found", evidence: [{ level: "declared", source: "clawproof.yaml" }, {}, {}] });
  });

  it("picks the resource that is named", async () => {
    const two = `${ROLLOUT}---\n${ROLLOUT.replace("name: support", "name: other").replace("setWeight: 5", "setWeight: 20")}`;
    const fact = await gather("canary: { manifest: rollout.yaml, resource: Rollout/other }\n", two);
    expect(valueOf(fact).reading).toMatchObject({ resource: "Rollout/other", declaredPct: 20 });
  });

  it("fails where there is no file, and withholds what offline may not ask", async () => {
    expect(await gather("canary: { manifest: rollout.yaml }\n")).toMatchObject({ state: "failed" });
    const command = "canary: { manifest: { command: [cat, rollout.yaml] } }\n";
    expect(await gather(command, ROLLOUT, { mode: "offline" })).toMatchObject({ state: "withheld" });
    expect(await gather(command, ROLLOUT)).toMatchObject({ state: "found" });
  });
});
