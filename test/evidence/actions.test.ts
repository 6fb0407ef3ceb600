import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatherActions } from "../../src/evidence/actions.ts";
import { folderForTest, gatheringFrom, valueOf } from "./support.ts";

const HEAD = "version: 1\nagent:\n  name: support\n";
const tools = (...list: object[]): string => JSON.stringify({ tools: list });

async function gather(yaml: string, inventory?: string, overrides: Parameters<typeof gatheringFrom>[2] = {}) {
  const folder = await folderForTest();
  if (inventory !== undefined) await writeFile(join(folder, "tools.json"), inventory);
  return gatherActions(gatheringFrom(folder, HEAD + yaml, overrides));
}

describe("gatherActions", () => {
  it("is absent where nobody says what the agent can do", async () => {
    expect(await gather("")).toMatchObject({ state: "absent", why: "agent.actions is not configured" });
  });

  it("takes declared actions at their word, unknown effects as writes", async () => {
    const yaml = "  actions: [{ type: look, effect: read }, { type: send }, { type: post, irreversible: call them }]\n";
    const fact = await gather(yaml);
    expect(valueOf(fact)).toEqual({
      types: [
        { type: "look", effect: "read", irreversible: null, sources: ["declared"] },
        { type: "send", effect: "write", irreversible: null, sources: ["declared"] },
        { type: "post", effect: "write", irreversible: "call them", sources: ["declared"] },
      ],
      inventoryRead: false,
    });
    expect(fact).toMatchObject({ evidence: [{ level: "declared" }] });
  });

  it("lets the strictest effect win, and counts what only the inventory knows", async () => {
    const inventory = tools({ name: "look" }, { name: "extra" }, { name: "list", annotations: { readOnlyHint: true } });
    const fact = await gather("  actions: [{ type: look, effect: read }]\n  inventory: [tools.json]\n", inventory);
    expect(valueOf(fact)).toEqual({
      types: [
        { type: "look", effect: "write", irreversible: null, sources: ["declared", "inventory"] },
        { type: "extra", effect: "write", irreversible: null, sources: ["inventory"] },
        { type: "list", effect: "read", irreversible: null, sources: ["inventory"] },
      ],
      inventoryRead: true,
    });
  });

  it("does not take a list in clawproof.yaml for an inventory that was read, and counts what it names", async () => {
    const yaml = (list: string): string => `  inventory: [{ text: '${list}' }]\n`;
    expect(valueOf(await gather(yaml(tools())))).toEqual({ types: [], inventoryRead: false });
    expect(valueOf(await gather(yaml(tools({ name: "send" }))))).toMatchObject({
      types: [{ type: "send", effect: "write" }],
      inventoryRead: false,
    });
  });

  it("fails where an inventory cannot be read, whatever is declared", async () => {
    const yaml = "  actions: [{ type: send }]\n  inventory: [tools.json]\n";
    expect(await gather(yaml)).toMatchObject({ state: "failed", why: "tools.json does not exist" });
    expect(await gather(yaml, "[]")).toMatchObject({ state: "failed" });
  });

  it("reads files offline, and asks nobody", async () => {
    const overrides = { mode: "offline" } as const;
    expect(await gather("  inventory: [tools.json]\n", tools({ name: "a" }), overrides)).toMatchObject({
      state: "found",
    });
    expect(await gather("  inventory: [{ command: [cat, tools.json] }]\n", "", overrides)).toMatchObject({
      state: "withheld",
    });
  });
});
