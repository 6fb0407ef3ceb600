import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallView, decide, effectiveMode } from "../../src/guard/decide.ts";

const RUNNING: CallView = { mode: "running", byBreaker: false, heard: true, whenLost: "read-only" };
const LEASE = { monotonicUntil: 100, wallUntil: 5_000 };
const NEVER = { monotonicUntil: Number.NEGATIVE_INFINITY, wallUntil: Number.NEGATIVE_INFINITY };

const write = (view: Partial<CallView>, holds = false, monotonic = 0, wall = 0, lease = LEASE) =>
  decide({ ...RUNNING, ...view }, true, holds, lease, monotonic, wall);
const read = (view: Partial<CallView>, holds = false, monotonic = 0, wall = 0, lease = LEASE) =>
  decide({ ...RUNNING, ...view }, false, holds, lease, monotonic, wall);

describe("decide", () => {
  it("lets everything run while nothing speaks against it", () => {
    expect([write({}), read({})]).toEqual([null, null]);
  });

  it("refuses everything under a stop, and writes under read-only", () => {
    expect([write({ mode: "stopped" }), read({ mode: "stopped" })]).toEqual(["stopped", "stopped"]);
    expect([write({ mode: "read-only" }), read({ mode: "read-only" })]).toEqual(["read-only", null]);
  });

  it("tells a person's order from a breaker's", () => {
    expect(write({ mode: "read-only", byBreaker: true })).toBe("breaker");
    expect(write({ mode: "read-only", byBreaker: false }, true)).toBe("read-only");
  });

  it("holds writes past the lease on either clock, not at its very end", () => {
    expect([write({}, false, 100, 5_000), read({}, false, 101, 5_001)]).toEqual([null, null]);
    expect([write({}, false, 100.001, 0), write({}, false, 0, 5_000.001)]).toEqual(["lost", "lost"]);
  });

  it("holds reads too where whenLost is stopped", () => {
    expect(read({ whenLost: "stopped" }, false, 101)).toBe("lost");
    expect(read({ whenLost: "stopped" }, false, 100)).toBeNull();
  });

  it("says that a switch was never heard", () => {
    expect(write({ heard: false }, false, 0, 0, NEVER)).toBe("never-heard");
    expect(read({ heard: false }, false, 0, 0, NEVER)).toBeNull();
  });

  it("holds writes, not reads, for the breaker", () => {
    expect([write({}, true), read({}, true)]).toEqual(["breaker", null]);
  });

  it("never lets a write run that anything forbids, nor a read that everything does", () => {
    const views = fc.record({
      mode: fc.constantFrom("running" as const, "read-only" as const, "stopped" as const),
      byBreaker: fc.boolean(),
      heard: fc.boolean(),
      whenLost: fc.constantFrom("read-only" as const, "stopped" as const),
    });
    const time = fc.integer({ min: 0, max: 200 });
    fc.assert(
      fc.property(views, fc.boolean(), fc.boolean(), time, time, (view, isWrite, holds, monotonic, wall) => {
        const lease = { monotonicUntil: 100, wallUntil: 100 };
        const isLost = monotonic > 100 || wall > 100;
        const forbidden = isWrite
          ? view.mode !== "running" || isLost || holds
          : view.mode === "stopped" || (isLost && view.whenLost === "stopped");
        expect(decide(view, isWrite, holds, lease, monotonic, wall) !== null).toBe(forbidden);
        // What the mode says of the agent is what its calls meet, breakers aside.
        const mode = effectiveMode(view, lease, monotonic, wall);
        expect(decide(view, isWrite, false, lease, monotonic, wall) === null).toBe(
          isWrite ? mode === "running" : mode !== "stopped",
        );
      }),
    );
  });
});
