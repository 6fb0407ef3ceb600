import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { isLooser } from "../../../src/switch/protocol/mode.ts";
import type { Order, Standing } from "../../../src/switch/protocol/order.ts";
import { hear, modeIn, type View } from "../../../src/switch/protocol/view.ts";

function orderOf(epoch: number, scope: string, more: Partial<Order> = {}): Order {
  const at = "2026-03-01T12:00:00.000Z";
  return { epoch, scope, mode: "stopped", cause: "person", by: "kim", reason: "test", at, ...more };
}

const KNOWN: Standing = { series: "s", epoch: 5, orders: [orderOf(2, "a"), orderOf(5, "b")] };

describe("hear", () => {
  it("takes whatever is heard first", () => {
    expect(hear(null, KNOWN)).toEqual(KNOWN);
  });

  it("takes a higher epoch whole, looser or not", () => {
    const released = { series: "s", epoch: 6, orders: [orderOf(2, "a")] };
    expect(hear(KNOWN, released)).toEqual(released);
  });

  it.each<[string, Standing]>([
    ["a lower epoch", { series: "s", epoch: 4, orders: [orderOf(2, "a"), orderOf(4, "*")] }],
    ["another series", { series: "t", epoch: 900, orders: [] }],
    ["another series that is stricter", { series: "t", epoch: 900, orders: [orderOf(900, "*")] }],
  ])("passes over %s", (_, heard) => {
    expect(hear(KNOWN, heard)).toBe(KNOWN);
  });

  it("of two standings of one epoch, both hold: a restored backup has given the number again", () => {
    const again = { series: "s", epoch: 5, orders: [orderOf(2, "a"), orderOf(5, "c", { mode: "read-only" })] };
    const view = hear(KNOWN, again);
    expect(view?.orders).toEqual([...again.orders, orderOf(5, "b")]);
    expect(modeIn(view, { agent: "b" })).toBe("stopped");
    expect(modeIn(view, { agent: "c" })).toBe("read-only");
  });

  it("hears the same twice without counting it twice", () => {
    expect(hear(KNOWN, structuredClone(KNOWN))).toEqual(KNOWN);
  });

  it("keeps the stricter of two orders with one epoch on one scope", () => {
    const milder = { series: "s", epoch: 5, orders: [orderOf(2, "a"), orderOf(5, "b", { mode: "read-only" })] };
    expect(modeIn(hear(KNOWN, milder), { agent: "b" })).toBe("stopped");
    expect(modeIn(hear(milder, KNOWN), { agent: "b" })).toBe("stopped");
  });

  const orders = fc.array(
    fc.record({
      epoch: fc.integer({ min: 1, max: 4 }),
      scope: fc.constantFrom("*", "a", "a@1", "a/t", "b", "drill/a"),
      mode: fc.constantFrom("stopped" as const, "read-only" as const),
      cause: fc.constantFrom("person" as const, "breaker" as const),
    }),
    { maxLength: 4 },
  );
  const standings = fc.record({
    series: fc.constantFrom("s", "s", "s", "t"),
    epoch: fc.integer({ min: 0, max: 4 }),
    orders: orders.map((all) => all.map(({ epoch, scope, ...more }) => orderOf(epoch, scope, more))),
  });
  const targets = ["a", "b"].flatMap((agent) =>
    [undefined, "1"].flatMap((version) =>
      [undefined, "t"].flatMap((type) => [false, true].map((drill) => ({ agent, version, type, drill }))),
    ),
  );

  it("is never looser for what it hears, unless that has a higher epoch of the series", () => {
    fc.assert(
      fc.property(standings, standings, (known, heard) => {
        const view = hear(known, heard);
        fc.pre(heard.series !== known.series || heard.epoch <= known.epoch);
        expect(view).toMatchObject({ series: known.series, epoch: known.epoch });
        for (const target of targets) {
          expect(isLooser(modeIn(view, target) ?? "running", modeIn(known, target) ?? "running")).toBe(false);
        }
      }),
    );
  });

  it("comes to the same modes in whatever order one series is heard", () => {
    const ofOneSeries = fc.array(
      standings.map((standing) => ({ ...standing, series: "s" })),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(ofOneSeries, (heard) => {
        const inOrder = heard.reduce<View>(hear, null);
        const backwards = heard.toReversed().reduce<View>(hear, null);
        for (const target of targets) expect(modeIn(backwards, target)).toBe(modeIn(inOrder, target));
      }),
    );
  });
});

it("modeIn knows nothing before anything was heard", () => {
  expect(modeIn(null, { agent: "a" })).toBeNull();
});
