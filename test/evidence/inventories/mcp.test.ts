import { describe, expect, test } from "vitest";
import { readMcpTools } from "../../../src/evidence/inventories/mcp.ts";

const read = (document: unknown) => readMcpTools(JSON.stringify(document), "tools.json");
const tool = (name: string, annotations?: unknown) => ({ name, inputSchema: { type: "object" }, annotations });
const OTHER = { failed: "not an MCP tool list (other inventories are not read yet)" };

describe("effect", () => {
  test.each([
    [{ readOnlyHint: true }, "read", "annotation"],
    [{ readOnlyHint: true, destructiveHint: true }, "read", "annotation"],
    [{ readOnlyHint: false }, "write", "annotation"],
    [{ readOnlyHint: "true" }, "write", "default"],
    [{ readOnlyHint: 1 }, "write", "default"],
    [{ readOnlyHint: null }, "write", "default"],
    [{ destructiveHint: false, idempotentHint: true }, "write", "default"],
    [{}, "write", "default"],
    [null, "write", "default"],
    ["readOnlyHint", "write", "default"],
    [undefined, "write", "default"],
  ])("annotations %j", (annotations, effect, basis) => {
    expect(read({ tools: [tool("t", annotations)] })).toEqual({ tools: [{ type: "t", effect, basis }] });
  });

  test("a read-only hint on a prototype key is not one", () => {
    const text = '{"tools": [{"name": "t", "annotations": {"__proto__": {"readOnlyHint": true}}}]}';
    expect(readMcpTools(text, "tools.json")).toEqual({ tools: [{ type: "t", effect: "write", basis: "default" }] });
  });
});

describe("shape", () => {
  const tools = [{ type: "t", effect: "write", basis: "default" }];

  test.each([
    ["bare", { tools: [tool("t")] }],
    ["JSON-RPC envelope", { jsonrpc: "2.0", id: 1, result: { tools: [tool("t")] } }],
    ["without inputSchema", { tools: [{ name: "t" }] }],
    ["nextCursor null says nothing follows", { tools: [tool("t")], nextCursor: null }],
    ["newer fields beside it", { tools: [tool("t")], ttlMs: 60_000, cacheScope: "public", resultType: "complete" }],
  ])("%s", (_, document) => {
    expect(read(document)).toEqual({ tools });
  });

  test("an empty list is a list", () => {
    expect(read({ tools: [] })).toEqual({ tools: [] });
  });

  test("a byte order mark is no harm", () => {
    expect(readMcpTools('\uFEFF{"tools": []}', "tools.json")).toEqual({ tools: [] });
  });

  test.each([
    ["an array", [tool("t")]],
    ["a string", "tools"],
    ["null", null],
    ["tools as a map", { tools: { t: tool("t") } }],
    ["no tools", { mcpServers: { files: { command: "npx" } } }],
    ["a tool without a name", { tools: [{ inputSchema: {} }] }],
    ["a tool with an empty name", { tools: [tool("")] }],
    ["a name that is no text", { tools: [{ name: 7 }] }],
    ["a string as a tool", { tools: ["t"] }],
    ["null as a tool", { tools: [null] }],
    ["OpenAI, chat", { tools: [{ type: "function", function: { name: "t" } }] }],
    ["OpenAI, responses", { tools: [{ type: "function", name: "t", parameters: {} }] }],
    ["Anthropic", { tools: [{ name: "t", input_schema: {} }] }],
    ["a JSON-RPC error", { jsonrpc: "2.0", id: 1, error: { code: -32601, message: "no" } }],
    ["a result in a result", { result: { result: { tools: [] } } }],
  ])("%s fails", (_, document) => {
    expect(read(document)).toEqual(OTHER);
  });

  test.each(["", "tools:\n  - name: t\n", "{"])("%j fails", (text) => {
    expect(readMcpTools(text, "tools.json")).toEqual(OTHER);
  });
});

test.each([
  ["bare", { tools: [tool("t")], nextCursor: "2" }],
  ["enveloped", { result: { tools: [tool("t")], nextCursor: "2" } }],
  ["empty cursor", { tools: [tool("t")], nextCursor: "" }],
])("one page of several is no inventory: %s", (_, document) => {
  expect(read(document)).toEqual({ failed: expect.stringContaining("tools.json is one page of a longer list") });
});

describe("names", () => {
  test("are kept whatever they look like", () => {
    const names = ["get item", "a/b", "-x", "__proto__", "x".repeat(100), "größe"];
    expect(read({ tools: names.map((name) => tool(name)) })).toEqual({
      tools: names.map((type) => ({ type, effect: "write", basis: "default" })),
    });
  });

  const reads = tool("t", { readOnlyHint: true });
  const writes = tool("t", { readOnlyHint: false });
  test.each([
    [[reads, reads], "read"],
    [[reads, writes], "write"],
    [[writes, reads], "write"],
  ])("that come twice have the strictest effect (%#)", (tools, effect) => {
    expect(read({ tools })).toEqual({ tools: [{ type: "t", effect, basis: "annotation" }] });
  });
});
