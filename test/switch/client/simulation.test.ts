import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { World } from "./world.ts";

const weather = fc.record({
  delayMs: fc.constantFrom(5, 300, 2_500, 9_000),
  lost: fc.constantFrom(0, 0, 20, 100),
  twice: fc.constantFrom(0, 30),
});
const scope = fc.constantFrom("*", "support", "billing");
const jump = fc.constantFrom(-3_600_000, -5_000, -700, 700, 5_000, 3_600_000);

/** A step by name and what it is done with, so that a failure can be read. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("kill" as const), scope) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("release" as const), scope) },
  { weight: 2, arbitrary: fc.constant(["restart"] as const) },
  { weight: 1, arbitrary: fc.constant(["backUp"] as const) },
  { weight: 2, arbitrary: fc.constant(["restore"] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("foreign" as const), fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("revoke" as const), fc.boolean()) },
  { weight: 5, arbitrary: fc.tuple(fc.constant("weather" as const), weather) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("setWall" as const), jump) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("sleep" as const), fc.constantFrom(400, 4_000, 30_000)) },
  { weight: 12, arbitrary: fc.tuple(fc.constant("pass" as const), fc.constantFrom(100, 900, 3_000, 8_000)) },
);

/** Numbers that look random and are the same for the same seed, so that a failure can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

it("whatever network, switch and clocks do: no lease on what is old, no order forgotten, and never stuck", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(step, { minLength: 5, maxLength: 30, size: "max" }), async (seed, steps) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] });
      const random = randomFrom(seed);
      const jitter = vi.spyOn(Math, "random").mockImplementation(random);
      const world = new World(random, async (ms) => void (await vi.advanceTimersByTimeAsync(ms)));
      try {
        // Whatever an agent hears first is its switch.
        await world.pass(1_000);
        for (const [name, ...given] of steps) await (world[name] as (...all: unknown[]) => unknown)(...given);
        await world.heal();
      } finally {
        await world.client.close();
        jitter.mockRestore();
        vi.useRealTimers();
        for (const [what, times] of world.seen) seen.set(what, (seen.get(what) ?? 0) + times);
      }
    }),
    { numRuns: 60 },
  );
  // What the steps are there to try did happen, or they try nothing.
  const tried = ["held", "order", "slept", "wall set", "loss proven", "lost-order", "other-series", "refused"];
  for (const what of tried) expect.soft(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  expect(seen.get("mistake")).toBeUndefined();
}, 120_000);
