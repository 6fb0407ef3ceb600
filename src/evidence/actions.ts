import { absent, type Evidence, type Fact, failed, found, withheld } from "../audit/fact.ts";
import type { Source } from "../config/call.ts";
import { contextOf } from "../doors/context.ts";
import type { ActionFacts, ActionType } from "./facts.ts";
import type { Gather, Gathering } from "./gathering.ts";
import { readMcpTools } from "./inventories/mcp.ts";

/** What the agent can do: what clawproof.yaml declares, and what its inventories list. The strictest effect wins. */
export const gatherActions: Gather<"actions"> = async (gathering) => {
  const { project, mode } = gathering;
  const { actions = [], inventory = [] } = project.config.agent;
  if (actions.length === 0 && inventory.length === 0) {
    return absent("agent.actions is not configured", project.where(["agent"]));
  }
  const types = new Map<string, ActionType>();
  for (const { type, effect, irreversible } of actions) {
    add(types, { type, effect, irreversible: irreversible ?? null, sources: ["declared"] });
  }
  const at = new Date(gathering.clock.now()).toISOString();
  const evidence: Evidence[] = [];
  if (actions.length > 0) {
    const place = project.where(["agent", "actions"]);
    evidence.push({ level: "declared", source: `${place.file}:${place.line}`, fact: summary([...types.values()]), at });
  }
  // A list that stands in clawproof.yaml is one more claim: it may name writes, and never shows that there are none.
  let inventoryRead = false;
  const { isOffline, readSource, SourceFailed } = await import("../doors/source.ts");
  for (const [index, source] of inventory.entries()) {
    const place = project.where(["agent", "inventory", index]);
    if (mode === "offline" && !isOffline(source)) return withheld("--offline opens no connection", place);
    try {
      const read = await readInventory(source, gathering, readSource);
      if ("failed" in read) return failed(read.failed, place);
      for (const tool of read.tools) add(types, tool);
      inventoryRead ||= read.level !== "declared";
      const level =
        read.level === "declared" ? "declared" : mode !== "offline" && !isOffline(source) ? "probed" : "inspected";
      evidence.push({ level, source: read.shown, fact: summary(read.tools), at });
    } catch (error) {
      if (error instanceof SourceFailed) return failed(error.why, place);
      throw error;
    }
  }
  const facts: ActionFacts = { types: [...types.values()], inventoryRead };
  return found(facts, evidence, project.where(["agent", "actions"])) satisfies Fact<ActionFacts>;
};

type ReadSource = typeof import("../doors/source.ts").readSource;

async function readInventory(source: Source, { project, signal }: Gathering, readSource: ReadSource) {
  const { text, shown, level } = await readSource(source, contextOf(project, {}, { signal }));
  const reading = readMcpTools(text, shown);
  if ("failed" in reading) return reading;
  const tools = reading.tools.map(({ type, effect }): ActionType => ({
    type,
    effect,
    irreversible: null,
    sources: ["inventory"],
  }));
  return { tools, shown, level };
}

function add(types: Map<string, ActionType>, one: ActionType): void {
  const before = types.get(one.type);
  if (!before) {
    types.set(one.type, one);
    return;
  }
  types.set(one.type, {
    type: one.type,
    effect: before.effect === "write" || one.effect === "write" ? "write" : "read",
    irreversible: before.irreversible ?? one.irreversible,
    sources: [...new Set([...before.sources, ...one.sources])],
  });
}

function summary(types: readonly ActionType[]): string {
  const names = (effect: string): string =>
    types
      .filter((one) => one.effect === effect)
      .map(({ type }) => type)
      .join(", ") || "none";
  return `writes: ${names("write")}; reads: ${names("read")}`;
}
