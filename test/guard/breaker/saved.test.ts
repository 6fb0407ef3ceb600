import { describe, expect, it } from "vitest";
import { Breaker } from "../../../src/guard/breaker/breaker.ts";
import { readBreakerSettings } from "../../../src/guard/breaker/settings.ts";

const settings = readBreakerSettings({ halfOpenWrites: 3, halfOpenTimeLimit: 1_000 });
const WALL = 1.7e12;

function saved(): Record<string, unknown> {
  const breaker = new Breaker(settings, 0);
  breaker.open("operator", { share: 1 }, 10);
  breaker.approve();
  breaker.end(breaker.begin(true, false, 20), true, true, 30);
  breaker.begin(true, false, 40);
  return JSON.parse(JSON.stringify(breaker.save(50, WALL))) as Record<string, unknown>;
}

describe("a restored breaker", () => {
  it("knows what it was, in the clock of its new process", () => {
    expect(Breaker.restore(saved(), settings, 7_000, WALL + 100).state).toEqual({
      name: "half-open",
      opening: { number: 1, signal: "operator", figures: { share: 1 }, openedAt: 6_860 },
      running: 1,
      good: 1,
    });
  });

  it.each([
    { elapsed: 990, name: "half-open" },
    { elapsed: 991, name: "open" },
    { elapsed: -5_000, name: "half-open" },
  ])("a write in flight when it was saved has failed when its time is over: $elapsed ms later", ({ elapsed, name }) => {
    const breaker = Breaker.restore(saved(), settings, 7_000, WALL + elapsed);
    breaker.sweep(7_000);
    expect(breaker.state.name).toBe(name);
  });

  it("is never stuck where fewer half-open writes are let through than before", () => {
    const breaker = Breaker.restore(saved(), { ...settings, halfOpenWrites: 1 }, 0, WALL + 2_000);
    breaker.sweep(0);
    breaker.approve();
    breaker.end(breaker.begin(true, false, 0), true, true, 0);
    expect(breaker.state.name).toBe("closed");
  });

  it("holds writes still where the window is another", () => {
    const breaker = Breaker.restore(saved(), { ...settings, windowMs: 1_000, halfOpenWrites: 2 }, 0, WALL);
    expect(breaker.holdsWrites(0)).toBe(true);
  });
});

describe("what is no saved breaker is an error, never a closed breaker", () => {
  it.each([
    [null, "it is not an object"],
    [{}, "format is not"],
    [{ ...saved(), format: "clawproof-breaker/2" }, "format is not"],
    [{ ...saved(), state: "ajar" }, "state is none"],
    [{ ...saved(), state: "closed" }, "opening does not go with closed"],
    [{ ...saved(), opening: null }, "opening does not go with half-open"],
    [{ ...saved(), savedAt: null }, "savedAt is not a number"],
    [{ ...saved(), failuresInARow: -1 }, "failuresInARow is not a whole number"],
    [{ ...saved(), halfOpen: { good: 0, deadlines: ["soon"] } }, "halfOpen.deadlines is not a number"],
    [
      { ...saved(), ring: { windowMs: 1, bucketLeftMs: null, buckets: [], baseline: Array(361).fill(0) } },
      "at most 360",
    ],
  ])("%#", (json, why) => {
    expect(() => Breaker.restore(json, settings, 0, 0)).toThrow(why);
  });
});
