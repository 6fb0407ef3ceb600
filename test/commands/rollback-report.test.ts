import { describe, expect, it } from "vitest";
import { headLines } from "../../src/commands/rollback-report.ts";
import type { Step } from "../../src/rollback/step.ts";

const step = (undoUntil: number): Step => ({
  id: "a",
  trace: "t",
  type: "update",
  target: null,
  subject: null,
  startedAt: 1,
  kind: "undo",
  why: null,
  class: "reversible",
  residue: null,
  undoUntil,
  form: "sql",
  resumed: false,
  forced: false,
});
const HEAD = {
  environment: null,
  ledger: "sqlite:actions.db",
  databases: ["sqlite:app.db"],
  since: undefined,
  until: undefined,
  limit: undefined,
  hash: "0123456789ab",
  agent: null,
  guardFailed: null,
};

describe("the head of a plan", () => {
  it("names the undo window that closes next, of however many there are", () => {
    const steps = Array.from({ length: 200_000 }, (_, index) => step(3_600_000 + index));
    const lines = headLines(HEAD, steps, 0);
    expect(lines).toContain("200000 actions: 200000 undo");
    expect(lines.at(-1)).toMatch(/^next undo window to close: .* in 60 min \(update, 1 action\)$/);
  });
});
