import fc from "fast-check";
import { expect, it } from "vitest";
import { Times } from "../../src/guard/times.ts";
import { HandClock } from "./support.ts";

it("knows both clocks without reading both each time, and never takes less time for passed than has", () => {
  const step = fc.record({ ms: fc.integer({ min: 0, max: 60 }), looks: fc.integer({ min: 1, max: 80 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const clock = new HandClock();
      const times = new Times(clock);
      for (const { ms, looks } of steps) {
        clock.pass(ms);
        for (let i = 0; i < looks; i++) times.look();
        expect(times.wall).toBe(clock.now());
        expect(times.monotonic).toBeGreaterThanOrEqual(clock.monotonic());
        expect(times.monotonic).toBeLessThanOrEqual(clock.monotonic() + 1);
      }
    }),
  );
});

it("notices a wall clock that jumps, either way, by the jump", () => {
  for (const jump of [-1, -5_000, 21, 3_600_000]) {
    const clock = new HandClock();
    const times = new Times(clock);
    clock.pass(5);
    times.look();
    clock.monotonicNow += 7;
    clock.wallNow += jump - 5;
    times.look();
    expect([times.monotonic, times.wall]).toEqual([clock.monotonic(), clock.now()]);
  }
});

it("reads both after 64 looks, whatever the wall clock says", () => {
  const clock = new HandClock();
  const times = new Times(clock);
  clock.monotonicNow += 1_000;
  for (let i = 0; i < 65; i++) times.look();
  expect(times.monotonic).toBe(clock.monotonic());
});
