import { describe, expect, it } from "vitest";
import { isLooser, strictest, type Mode } from "../../../src/switch/protocol/mode.ts";
import {
  loosens,
  modeOf,
  type Order,
  ordersOver,
  type Standing,
  withOrder,
  withoutOrder,
  withoutScope,
} from "../../../src/switch/protocol/order.ts";

const AT = "2026-03-01T12:00:00.000Z";
const after = (seconds: number): string => new Date(Date.parse(AT) + seconds * 1_000).toISOString();

function orderOf(epoch: number, scope: string, more: Partial<Order> = {}): Order {
  return { epoch, scope, mode: "stopped", cause: "person", by: "kim", reason: "test", at: AT, ...more };
}

/** What stands after these orders, one after the other. */
function standingOf(...orders: Order[]): Standing {
  return orders.reduce<Standing>(withOrder, { series: "s", epoch: 0, orders: [] });
}

const epochs = ({ orders }: Pick<Standing, "orders">): number[] => orders.map(({ epoch }) => epoch);

describe("modes", () => {
  const MODES: Mode[] = ["running", "read-only", "stopped"];

  it("are ordered by what they forbid", () => {
    const looser = MODES.flatMap((one) => MODES.filter((other) => isLooser(one, other)).map((other) => [one, other]));
    expect(looser).toEqual([
      ["running", "read-only"],
      ["running", "stopped"],
      ["read-only", "stopped"],
    ]);
  });

  it("of many, the strictest wins, whatever their order; of none it is running", () => {
    expect(strictest([])).toBe("running");
    expect(strictest(["running", "stopped", "read-only"])).toBe("stopped");
    expect(strictest(["read-only", "running"])).toBe("read-only");
  });
});

describe("withOrder", () => {
  it("replaces the order of its own cause on its scope, and stands last", () => {
    const standing = standingOf(orderOf(1, "a"), orderOf(2, "b"), orderOf(3, "a", { mode: "read-only" }));
    expect(epochs(standing)).toEqual([2, 3]);
    expect(standing.epoch).toBe(3);
  });

  it("leaves the other cause's beside it", () => {
    const breaker = orderOf(2, "a", { cause: "breaker", mode: "read-only" });
    expect(epochs(standingOf(orderOf(1, "a"), breaker))).toEqual([1, 2]);
    expect(epochs(standingOf(orderOf(1, "a"), breaker, orderOf(3, "a")))).toEqual([2, 3]);
  });

  it("keeps the scopes of a drill, a version and a type apart", () => {
    const standing = standingOf(orderOf(1, "a"), orderOf(2, "drill/a"), orderOf(3, "a@1"), orderOf(4, "a/t"));
    expect(epochs(standing)).toEqual([1, 2, 3, 4]);
  });

  it("changes nothing in the standing it was given", () => {
    const before = standingOf(orderOf(1, "a"));
    withOrder(before, orderOf(2, "a"));
    expect(epochs(before)).toEqual([1]);
  });
});

describe("withoutScope", () => {
  const before = standingOf(
    orderOf(1, "*"),
    orderOf(2, "a", { mode: "read-only", cause: "breaker" }),
    orderOf(3, "a"),
    orderOf(4, "a@1"),
    orderOf(5, "drill/a"),
  );

  it("ends both causes' orders on exactly that scope, and names them", () => {
    const { standing, ended } = withoutScope(before, "a", 6);
    expect(epochs({ orders: ended })).toEqual([2, 3]);
    expect(epochs(standing)).toEqual([1, 4, 5]);
    expect(standing.epoch).toBe(6);
  });

  it("ends nothing where nothing stands, and takes its epoch all the same", () => {
    const { standing, ended } = withoutScope(before, "b", 6);
    expect(ended).toEqual([]);
    expect(standing).toEqual({ ...before, epoch: 6 });
  });
});

it("withoutOrder ends that one order, not the other cause's", () => {
  const before = standingOf(orderOf(1, "a"), orderOf(2, "a", { cause: "breaker", mode: "read-only" }));
  expect(epochs(withoutOrder(before, orderOf(1, "a"), 3))).toEqual([2]);
});

describe("modeOf", () => {
  it("takes the strictest order that covers the target", () => {
    const { orders } = standingOf(orderOf(1, "*", { mode: "read-only" }), orderOf(2, "a/t"));
    expect(modeOf(orders, { agent: "a", type: "t" })).toBe("stopped");
    expect(modeOf(orders, { agent: "a", type: "u" })).toBe("read-only");
    expect(modeOf([], { agent: "a" })).toBe("running");
  });

  it("leaves real work alone in a drill", () => {
    const { orders } = standingOf(orderOf(1, "drill/*"));
    expect(modeOf(orders, { agent: "a" })).toBe("running");
    expect(modeOf(orders, { agent: "a", drill: true })).toBe("stopped");
  });

  it("passes over a scope that nobody could have written", () => {
    expect(ordersOver([orderOf(1, "a b")], { agent: "a b" })).toEqual([]);
  });
});

describe("loosens", () => {
  const STOPPED = orderOf(1, "drill/a");
  const READ_ONLY = orderOf(1, "drill/a", { mode: "read-only" });
  const FOR_A_MINUTE = orderOf(1, "drill/a", { expiresAt: after(60) });
  const BREAKER = orderOf(2, "drill/a", { mode: "read-only", cause: "breaker" });
  const next = (more: Partial<Order> = {}): Order => orderOf(9, "drill/a", more);

  it.each<[string, Order[], Order, boolean]>([
    ["the first order", [], next(), false],
    ["the first with an end", [], next({ expiresAt: after(1) }), false],
    ["the same again", [STOPPED], next(), false],
    ["a stricter one", [READ_ONLY], next(), false],
    ["a milder one", [STOPPED], next({ mode: "read-only" }), true],
    ["one that ends, for one that does not", [STOPPED], next({ expiresAt: after(86_400) }), true],
    ["one that does not end, for one that does", [FOR_A_MINUTE], next(), false],
    ["one that ends later", [FOR_A_MINUTE], next({ expiresAt: after(61) }), false],
    ["one that ends at the same time", [FOR_A_MINUTE], next({ expiresAt: after(60) }), false],
    ["one that ends sooner", [FOR_A_MINUTE], next({ expiresAt: after(59) }), true],
    ["a stricter one that ends, for one that does not", [READ_ONLY], next({ expiresAt: after(60) }), true],
    ["a milder one without an end", [FOR_A_MINUTE], next({ mode: "read-only" }), true],
    ["a milder one, the breaker's beside it", [STOPPED, BREAKER], next({ mode: "read-only" }), true],
    ["a stricter one that ends, the breaker's as strict", [READ_ONLY, BREAKER], next({ expiresAt: after(5) }), false],
    ["one that ends sooner, the breaker's milder", [FOR_A_MINUTE, BREAKER], next({ expiresAt: after(59) }), true],
    ["a person's beside a breaker's", [BREAKER], next({ mode: "read-only", expiresAt: after(1) }), false],
    ["a breaker's beside a person's", [STOPPED], { ...BREAKER, epoch: 9 }, false],
    ["one on another scope", [STOPPED], orderOf(9, "drill/b", { mode: "read-only" }), false],
    ["a milder one on a narrower scope", [STOPPED], orderOf(9, "drill/a/t", { mode: "read-only" }), false],
  ])("%s", (_, before, given, expected) => {
    expect(loosens(standingOf(...before), given)).toBe(expected);
  });
});
