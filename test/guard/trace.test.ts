import { describe, expect, it } from "vitest";
import { isDrillRequest, newTraceId, traceOfHeaders } from "../../src/guard/trace.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";

describe("traces", () => {
  it("are 32 hex digits, and never twice the same", () => {
    const ids = new Set(Array.from({ length: 1_000 }, newTraceId));
    expect(ids.size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    [`00-${ID}-b7ad6b7169203331-01`, ID],
    [`cc-${ID}-b7ad6b7169203331-01-what-comes-later`, ID],
    [`ff-${ID}-b7ad6b7169203331-01`, undefined],
    [`00-${"0".repeat(32)}-b7ad6b7169203331-01`, undefined],
    [`00-${ID}-${"0".repeat(16)}-01`, undefined],
    [ID, undefined],
    ["", undefined],
  ])("of a request with traceparent %j", (traceparent, trace) => {
    expect(traceOfHeaders(new Headers({ traceparent }))).toBe(trace);
    expect(traceOfHeaders({ traceparent })).toBe(trace);
    expect(traceOfHeaders({ traceparent: [traceparent] })).toBe(trace);
  });

  it("marks a drill by one header with one value", () => {
    expect(isDrillRequest(new Headers({ "Clawproof-Drill": "1" }))).toBe(true);
    expect(isDrillRequest({ "clawproof-drill": "1" })).toBe(true);
    expect(isDrillRequest({ "clawproof-drill": "0" })).toBe(false);
    expect(isDrillRequest({})).toBe(false);
  });
});
