import { describe, expect, it } from "vitest";
import { type DrillPolicy, type Shown, verdictOf } from "../../src/drill/verdict.ts";
import { drillOf } from "./lines.ts";

const POLICY: DrillPolicy = { stopWithinMs: 30_000, undoWithinMs: 300_000 };
const stop = (ms: number | null) => ({ stop: { ms, resolutionMs: 50, acceptedAfterAnswer: 0 } });
const undone = (ms: number, equal = true) => ({ undone: [{ type: "db_update", equal, ms }] });
const verdict = (changes: Partial<Shown> = {}) => verdictOf({ ...drillOf(), ...changes }, POLICY);

describe("the verdict of a drill", () => {
  it.each<[string, Partial<Shown>]>([
    ["all good", {}],
    ["a stop just in time", stop(29_999.9)],
    ["an undo at its limit", undone(300_000)],
    ["no breaker to rehearse", { breaker: null }],
    ["a fault that was held", { faults: [{ fault: "agent-frozen", held: true, switchAnswered: true }] }],
  ])("holds: %s", (_, changes) => {
    expect(verdict(changes)).toEqual({ held: true, why: null });
  });

  it.each<[string, Partial<Shown>]>([
    ["the agent did not stop", stop(null)],
    ["it took 30s or longer to stop", stop(30_000)],
    ["no read was sent: agent.probes.read is not configured", { reads: { sent: 0, accepted: 0 } }],
    ["1 of 12 reads failed", { reads: { sent: 12, accepted: 11 } }],
    ["writes were not accepted again after the release", { releasedAfterMs: null }],
    ["the circuit breaker: reads failed", { breaker: { held: false, why: "reads failed" } }],
    ["it did not hold under agent-frozen", { faults: [{ fault: "agent-frozen", held: false, switchAnswered: false }] }],
    ["db_update was not restored", undone(1, false)],
    ["db_update took longer than 5m to undo", undone(300_000.1)],
    ["email_send: not written: answered 403", { troubles: ["email_send: not written: answered 403"] }],
  ])("does not hold: %s", (why, changes) => {
    expect(verdict(changes)).toEqual({ held: false, why });
  });

  it("names everything that was wrong", () => {
    const { why } = verdict({ ...stop(null), ...undone(1, false), troubles: ["one", "two"] });
    expect(why).toBe("the agent did not stop; db_update was not restored; one; two");
  });
});
