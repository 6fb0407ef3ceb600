import { describe, expect, it } from "vitest";
import { Expected } from "../../src/rollback/expected.ts";
import type { ActionRecord } from "../../src/ledger/record.ts";

const row = (cells: Record<string, string>) => new Map([["t [1]", cells]]);
const action = (type: string, more: Partial<ActionRecord> = {}) =>
  ({ id: `of ${type}`, type, target: "account/1", ...more }) as ActionRecord;

describe("what is expected once newer steps are undone", () => {
  it("has the cells that they restore, and of the rest what is there now", () => {
    const expected = new Expected();
    expected.restore("a", [{ kind: "update", row: "t [1]", columns: ["plan"] }], row({ plan: "plus", seats: "1" }));
    expected.restore("a", [{ kind: "update", row: "t [1]", columns: ["seats"] }], row({ plan: "pro", seats: "2" }));
    const now = row({ plan: "max", seats: "9", note: "hers" });
    expect(expected.rows("a", now)).toEqual(row({ plan: "plus", seats: "2", note: "hers" }));
    expect(expected.rows("another database", now)).toEqual(now);
  });

  it("has no row that they delete, and the whole of one that they bring back", () => {
    const expected = new Expected();
    expected.restore("a", [{ kind: "delete", row: "t [1]" }], new Map());
    expect(expected.rows("a", row({ plan: "max" }))).toEqual(new Map([["t [1]", null]]));
    expect(expected.isDeleted("a", "t [1]")).toBe(true);
    expected.restore("a", [{ kind: "insert", row: "t [1]" }], row({ plan: "plus" }));
    expected.restore("a", [{ kind: "update", row: "t [1]", columns: ["plan"] }], row({ plan: "none" }));
    expect(expected.rows("a", new Map([["t [1]", null]]))).toEqual(row({ plan: "none" }));
    expect(expected.isDeleted("a", "t [1]")).toBe(false);
  });

  it("knows which other types are undone on a target, and the state that they leave", () => {
    const expected = new Expected();
    for (const type of ["charge", "update", "charge"]) expected.undo(action(type));
    expected.restoreState(action("charge", { before: { paid: false } }));
    expect(expected.othersOn(action("charge"))).toEqual(["update"]);
    expect(expected.othersOn(action("charge", { target: "account/2" }))).toEqual([]);
    expect(expected.state(action("charge"), { paid: true })).toEqual({ paid: false });
    expect(expected.state(action("update"), { paid: true })).toEqual({ paid: true });
  });
});
