import { rm } from "node:fs/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { collectGarbage, newFolder, TestTime } from "./core.ts";
import { AGENTS, SCOPES, type Who, World } from "./world.ts";

const who = fc.constantFrom<Who>("killer", "killer", "releaser", "both");
const scope = fc.constantFrom(...SCOPES);
const mode = fc.constantFrom("stopped" as const, "read-only" as const);
const ttl = fc.option(fc.constantFrom(1, 30, 60, 3_600), { nil: undefined });
const client = fc.nat(AGENTS.length - 1);
const HOUR_MS = 3_600_000;

/** A step by name and what it is done with, so that a failure can be read. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant("kill" as const), who, scope, mode, ttl) },
  { weight: 5, arbitrary: fc.tuple(fc.constant("release" as const), who, scope, fc.constantFrom(undefined, 0, 1)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("trip" as const), client, fc.constantFrom(undefined, "refund")) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("report" as const), client, fc.constantFrom(0, 0, 1, 3)) },
  { weight: 8, arbitrary: fc.tuple(fc.constant("arrive" as const), client, fc.nat(9), fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("disconnect" as const), client) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("reconnect" as const), client) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("hearStranger" as const), client) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("pass" as const), fc.constantFrom(1, 999, 20_000, 60_000)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("setWall" as const), fc.constantFrom(-HOUR_MS, -7_000, 7_000, HOUR_MS)),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant("setFull" as const), fc.boolean()) },
  { weight: 1, arbitrary: fc.constant(["restart"] as const) },
  { weight: 1, arbitrary: fc.constant(["crash"] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("backUp" as const), fc.boolean()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("restore" as const), fc.nat(3)) },
);

it("any interleaving leaves every client at the strictest state it can know of, and weakens no order without release", async () => {
  const time = new TestTime();
  const seen = new Map<string, number>();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 45, size: "max" }), async (steps) => {
      const folder = await newFolder();
      const world = await World.make(time, folder);
      try {
        for (const [name, ...given] of steps) {
          await (world[name] as (...all: unknown[]) => unknown)(...given);
          world.check();
        }
        world.settle();
      } finally {
        world.close();
        await rm(folder, { recursive: true });
        if (++runs % 10 === 0) collectGarbage();
        for (const [what, times] of world.seen) seen.set(what, (seen.get(what) ?? 0) + times);
      }
    }),
    { numRuns: 30 },
  );
  // What the steps are there to try did happen, or they try nothing.
  const tried = ["kill done", "kill done, full", "kill 403", "release done", "release 403", "restart", "crash"];
  for (const what of tried) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  }
});
