import { afterEach, describe, expect, it, vi } from "vitest";
import type { ActionRecord } from "../../src/ledger/record.ts";
import { functionCompensator } from "../../src/rollback/compensators/function.ts";
import { undoOne } from "../../src/rollback/one.ts";

const RECORD = { id: "1", type: "set", status: "done", before: 1, after: 2 } as unknown as ActionRecord;
const OPTIONS = { forced: false, resumed: false, idempotent: false };
const never = (): Promise<never> => new Promise(() => undefined);
const compensator = (more: object) =>
  functionCompensator(
    Object.assign(() => never(), more),
    (text) => text,
  );

describe("a compensator that hangs", () => {
  afterEach(() => void vi.restoreAllMocks());

  /** Time is over as soon as it is measured; tells which limits were set. */
  function timeOver(): number[] {
    const limits: number[] = [];
    vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
      limits.push(ms);
      const controller = new AbortController();
      setImmediate(() => controller.abort());
      return controller.signal;
    });
    return limits;
  }

  it("has 30 seconds where nobody says otherwise, and is then unknown", async () => {
    const limits = timeOver();
    expect(await undoOne(RECORD, compensator({}), OPTIONS)).toEqual({
      kind: "unknown",
      why: "it did not end in its time: it may have been done all the same",
    });
    expect(limits).toEqual([30_000]);
  });

  it("has as long for a look, without which nothing is done", async () => {
    const limits = timeOver();
    expect(await undoOne(RECORD, compensator({ state: never }), OPTIONS)).toEqual({
      kind: "failed",
      why: "its state could not be read: it did not end in its time",
    });
    expect(limits).toEqual([30_000]);
  });
});
