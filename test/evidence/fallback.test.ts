import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatherFallback } from "../../src/evidence/fallback.ts";
import { serve } from "../doors/servers.ts";
import { folderForTest, gatheringFrom, valueOf } from "./support.ts";

const HEAD = "version: 1\nagent: { name: support }\n";

async function gather(yaml: string, template?: string, overrides: Parameters<typeof gatheringFrom>[2] = {}) {
  const folder = await folderForTest();
  if (template !== undefined) await writeFile(join(folder, "fallback.md"), template);
  return gatherFallback(gatheringFrom(folder, HEAD + yaml, overrides));
}

describe("gatherFallback", () => {
  it("is absent without a section", async () => {
    expect(await gather("")).toMatchObject({ state: "absent", why: "fallback is not configured" });
  });

  it("reads the template as it stands", async () => {
    const fact = await gather("fallback: { template: fallback.md }\n", "Changes are\npaused.\n");
    expect(valueOf(fact)).toEqual({ text: "Changes are\npaused.\n", source: "fallback.md" });
    expect(fact).toMatchObject({ evidence: [{ level: "inspected", fact: "the template reads: Changes are paused." }] });
  });

  it("reads it from the agent, but not offline", async () => {
    const { url } = await serve((_, response) => response.end('{"text": "Paused."}'));
    const yaml = `fallback: { template: { url: "${url}/fallback", at: /text } }\n`;
    expect(valueOf(await gather(yaml)).text).toBe("Paused.");
    expect(await gather(yaml, undefined, { mode: "offline" })).toMatchObject({ state: "withheld" });
  });

  it("fails where it cannot be read, and keeps an empty one for the judge", async () => {
    const yaml = "fallback: { template: fallback.md }\n";
    expect(await gather(yaml)).toMatchObject({ state: "failed", why: "fallback.md does not exist" });
    expect(valueOf(await gather(yaml, "")).text).toBe("");
  });
});
