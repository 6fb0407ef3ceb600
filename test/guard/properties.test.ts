import fc from "fast-check";
import { expect, it } from "vitest";
import type { Mode } from "../../src/switch/protocol/mode.ts";
import { ActionRefused } from "../../src/guard/refusal.ts";
import { AGENT, handGuard } from "./support.ts";

const LEASE_MS = 15_000;
const HALF_OPEN_WRITES = 2;
const settled = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await Promise.resolve();
};

type Step =
  | { do: "order"; scope: string; mode: "read-only" | "stopped" }
  | { do: "release"; scope: string }
  | { do: "beat" }
  | { do: "pass"; ms: number }
  | { do: "call"; isWrite: boolean; drill: boolean }
  | { do: "end"; which: number; isOk: boolean };

const scope = fc.constantFrom("*", AGENT, `drill/${AGENT}`, `${AGENT}/act`, "other");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("order" as const),
      scope,
      mode: fc.constantFrom("read-only" as const, "stopped" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const), scope }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("beat" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(1, 900, 7_500, 15_000, 15_001, 31_000),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant("call" as const), isWrite: fc.boolean(), drill: fc.boolean() }),
  },
  { weight: 12, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat(20), isOk: fc.boolean() }) },
);

/** What the switch has said, in the plainest words. */
class Model {
  readonly orders = new Map<string, "read-only" | "stopped">();
  heardAt: number | null = null;

  modeFor(drill: boolean): Mode {
    const scopes = ["*", AGENT, `${AGENT}/act`, ...(drill ? [`drill/${AGENT}`] : [])];
    const modes = scopes.map((one) => this.orders.get(one));
    if (modes.includes("stopped")) return "stopped";
    return modes.includes("read-only") ? "read-only" : "running";
  }

  forbids(isWrite: boolean, drill: boolean, now: number): boolean {
    const mode = this.modeFor(drill);
    const isLost = this.heardAt === null || now - this.heardAt > LEASE_MS;
    return isWrite ? mode !== "running" || isLost : mode === "stopped";
  }
}

it("no action starts against the switch, the lease or the breaker, and none of them holds for ever", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { guard, clock, client } = handGuard({
        breaker: { consecutiveFailures: 2, halfOpenWrites: HALF_OPEN_WRITES, halfOpenTimeLimit: "30s" },
      });
      const model = new Model();
      const open: { isWrite: boolean; drill: boolean; end: (isOk: boolean) => void }[] = [];
      let tried = 0;
      const runAs = (isWrite: boolean) => (drill: boolean) =>
        new Promise<void>((resolve, reject) => {
          expect(model.forbids(isWrite, drill, clock.monotonic())).toBe(false);
          const { breaker, drill: ofDrills } = guard.state();
          if (isWrite) expect(breaker.state === "open" || (drill && breaker.state !== "closed")).toBe(false);
          if (isWrite && drill) expect(ofDrills.breaker.state).not.toBe("open");
          if (isWrite && !drill && breaker.state === "half-open") expect(++tried).toBeLessThanOrEqual(HALF_OPEN_WRITES);
          open.push({ isWrite, drill, end: (isOk) => (isOk ? resolve() : reject(new Error("no"))) });
        });
      const write = guard.action("act", { run: runAs(true) });
      const read = guard.action("see", { effect: "read", run: runAs(false) });

      for (const one of steps) {
        if (one.do === "order") {
          if (one.scope !== "other") model.orders.set(one.scope, one.mode);
          client.order(one);
          model.heardAt = clock.monotonic();
        } else if (one.do === "release") {
          model.orders.delete(one.scope);
          client.release(one.scope);
          model.heardAt = clock.monotonic();
        } else if (one.do === "beat") {
          client.beat();
          model.heardAt = clock.monotonic();
        } else if (one.do === "pass") clock.pass(one.ms);
        else if (one.do === "call") {
          const { isWrite, drill } = one;
          // An order on one action type says nothing about another.
          if (!isWrite && model.orders.has(`${AGENT}/act`)) continue;
          (isWrite ? write : read)(drill, { drill }).catch((error: unknown) => {
            if (!(error instanceof ActionRefused)) expect(error).toMatchObject({ message: "no" });
          });
        } else open.splice(one.which, 1)[0]?.end(one.isOk);
        await settled();
        if (guard.state().breaker.state !== "half-open") tried = 0;
      }

      // A person says yes to everything, what hung ends, and what is tried goes well.
      for (const { end } of open.splice(0)) end(true);
      for (const held of ["*", AGENT, `drill/${AGENT}`, `${AGENT}/act`]) client.release(held);
      model.orders.clear();
      for (let i = 0; i < 8; i++) {
        client.release(AGENT);
        model.heardAt = clock.monotonic();
        await settled();
        void write(false).catch(() => undefined);
        await settled();
        open.shift()?.end(true);
        await settled();
        if (guard.state().breaker.state !== "half-open") tried = 0;
      }
      expect(guard.state().breaker.state).toBe("closed");
      expect(guard.check("act").allowed).toBe(true);
      await guard.close();
    }),
    { numRuns: 250 },
  );
});
