import { expect, test } from "vitest";
import { agentsOf, meantScope } from "../../src/operator/fleet.ts";
import type { FleetInstance } from "../../src/switch/protocol/messages.ts";

const instance = (agent: string, version: string | null = null): FleetInstance => ({
  instance: `${agent}-1`,
  agent,
  version,
  epoch: 1,
  mode: "running",
  state: "obeyed",
  running: {},
  counts: {},
  seenAt: "2026-11-22T06:00:00.000Z",
});
const FLEET = [instance("support-agent", "2.4.1"), instance("support-agent", "2.4.0"), instance("billing")];

test("agents, each once, by name", () => {
  expect(agentsOf(FLEET)).toEqual([
    { name: "billing", instances: 1 },
    { name: "support-agent", instances: 2 },
  ]);
});

test.each([
  ["suport-agent", "support-agent"],
  ["suport-agent/refund", "support-agent/refund"],
  ["drill/suport-agent@2.4.1", "drill/support-agent@2.4.1"],
  ["support-agent@2.4.2", "support-agent@2.4.1"],
  ["billing@1", undefined],
  ["support-agent", undefined],
  ["payroll", undefined],
  ["*", undefined],
])("%s: did you mean %s", (scope, meant) => {
  expect(meantScope(scope, FLEET)).toBe(meant);
});
