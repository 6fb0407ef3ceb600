import { readPointer } from "../../values/pointer.ts";

export interface InventoryTool {
  type: string;
  effect: "read" | "write";
  /** What the effect rests on: the tool's own `annotation`, or the `default` where it says nothing. */
  basis: string;
}

export type InventoryReading = { tools: InventoryTool[] } | { failed: string };

const OTHER_SHAPE = { failed: "not an MCP tool list (other inventories are not read yet)" };

/** Keys by which OpenAI and Anthropic describe a tool: their lists are also called `tools`, and hold no annotations. */
const FOREIGN_KEYS = ["function", "parameters", "input_schema"];

/**
 * The tools in a saved MCP `tools/list` result, bare or in its JSON-RPC envelope. A tool reads only where it says
 * `annotations.readOnlyHint: true`; the default of that hint is false (modelcontextprotocol schema/2025-11-25/schema.ts).
 */
export function readMcpTools(text: string, file: string): InventoryReading {
  const list = toolList(text);
  if (list === undefined) return OTHER_SHAPE;
  const cursor = at(list, "/nextCursor");
  if (cursor !== undefined && cursor !== null) {
    return { failed: `${file} is one page of a longer list (nextCursor is set): ask for the pages after it as well` };
  }
  const entries = at(list, "/tools");
  if (!Array.isArray(entries) || !entries.every(isMcpTool)) return OTHER_SHAPE;
  return { tools: strictest(entries.map(readTool)) };
}

/** The object that holds `tools`; undefined where there is none. */
function toolList(text: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
  return [document, at(document, "/result")].find((candidate) => at(candidate, "/tools") !== undefined);
}

function isMcpTool(entry: unknown): boolean {
  const name = at(entry, "/name");
  const foreign = FOREIGN_KEYS.some((key) => at(entry, `/${key}`) !== undefined);
  return typeof name === "string" && name !== "" && !foreign;
}

function readTool(entry: unknown): InventoryTool {
  const hint = at(entry, "/annotations/readOnlyHint");
  return {
    type: String(at(entry, "/name")),
    effect: hint === true ? "read" : "write",
    basis: typeof hint === "boolean" ? "annotation" : "default",
  };
}

/** One entry a name: where a list names a tool twice, the call may end in either, so a write wins. */
function strictest(tools: InventoryTool[]): InventoryTool[] {
  const byName = new Map<string, InventoryTool>();
  for (const tool of tools) {
    const before = byName.get(tool.type);
    if (before === undefined || (before.effect === "read" && tool.effect === "write")) byName.set(tool.type, tool);
  }
  return [...byName.values()];
}

function at(value: unknown, pointer: string): unknown {
  const read = readPointer(value, pointer);
  return read.found ? read.value : undefined;
}
