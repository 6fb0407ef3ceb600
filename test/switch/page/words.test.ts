import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modeOf, ordersOver as protocolOrdersOver, type Order } from "../../../src/switch/protocol/order.ts";
import { narrowerOrders as operatorsNarrower } from "../../../src/operator/state.ts";
import { printable } from "../../../src/report/printable.ts";
import { ORDER_KINDS } from "../../../src/switch/protocol/messages.ts";
import { parseScope as protocolScope, targetOf } from "../../../src/switch/protocol/scope.ts";
import {
  answerWords,
  covers,
  localTime,
  narrowerOrders,
  obedienceWords,
  orderKindWords,
  ordersOver,
  parseScope,
  refusalWords,
  shownText,
  sinceWords,
  strictest,
  undoneWords,
} from "../../../src/switch/service/page/page-words.mjs";

const NOW = new Date(2026, 2, 14, 9, 30).getTime();
const AT = new Date(2026, 2, 14, 3, 12, 40).toISOString();

const name = fc.constantFrom("support", "billing", "2.4.1", "refund", "all", "drill", "-x", "");
const scopeText = fc
  .tuple(fc.constantFrom("", "drill/"), fc.oneof(fc.constant("*"), name), fc.constantFrom("", "@", "/"), name)
  .map(([drill, agent, sign, rest]) => `${drill}${agent}${sign}${sign === "" ? "" : rest}`);
const order: fc.Arbitrary<Order> = fc.record({
  epoch: fc.integer({ min: 1, max: 50 }),
  scope: scopeText.filter((text) => protocolScope(text) !== null),
  mode: fc.constantFrom<Order["mode"]>("stopped", "read-only"),
  cause: fc.constantFrom<Order["cause"]>("person", "breaker"),
  by: fc.constant("kim"),
  reason: fc.constant("x"),
  at: fc.constant(AT),
});

describe("the page judges as the protocol does", () => {
  it("which texts are scopes", () => {
    fc.assert(
      fc.property(fc.oneof(scopeText, fc.string()), (text) => {
        const scope = protocolScope(text);
        const { text: _text, ...parts } = scope ?? { text };
        expect(parseScope(text)).toEqual(scope === null ? null : parts);
      }),
    );
  });

  it("which orders hold for a scope, and what it may do", () => {
    fc.assert(
      fc.property(fc.array(order, { maxLength: 8 }), scopeText, (orders, text) => {
        const scope = protocolScope(text);
        if (scope === null) return;
        const { covering, elsewhere } = ordersOver(orders, text);
        expect(new Set(covering)).toEqual(new Set(protocolOrdersOver(orders, targetOf(scope))));
        expect(covering.length + elsewhere.length).toBe(orders.length);
        expect(strictest(covering)).toBe(modeOf(orders, targetOf(scope)));
      }),
    );
  });

  it("which orders hold a part of a scope alone", () => {
    fc.assert(
      fc.property(fc.array(order, { maxLength: 8 }), scopeText, (orders, text) => {
        expect(narrowerOrders(orders, text)).toEqual(operatorsNarrower(orders, text));
      }),
    );
  });

  it("a drill's order never holds for real work", () => {
    const [drill, real] = ["drill/support", "support"].map((text) => parseScope(text));
    expect(drill && real && covers(drill, real)).toBe(false);
    expect(drill && real && covers(real, drill)).toBe(true);
  });
});

describe("the page's words", () => {
  const held = {
    epoch: 7,
    scope: "support",
    mode: "stopped",
    cause: "person",
    by: "kim",
    reason: "wrong",
    at: AT,
  } as const;

  it("are not turned round, nor hidden, by a reason: as on the terminal", () => {
    expect(shownText("a\u202eb\u2066c\u0007d\ne")).toBe("a b c d e");
    const text = fc.string({ unit: fc.constantFrom("a", "é", "日", "\u200f", "\u202e", "\u2069", "\u009b", "\n") });
    fc.assert(fc.property(text, (given) => shownText(given).trim() === printable(given)));
  });

  it("say since when, by whom and why, in this place's time", () => {
    expect(sinceWords(held, NOW)).toBe("since 03:12 by kim — wrong");
    expect(sinceWords({ ...held, cause: "breaker", by: "pod" }, NOW)).toBe("since 03:12 by the breaker of pod — wrong");
    expect(localTime(AT, { seconds: true, now: NOW })).toBe("03:12:40");
    expect(localTime(AT, { now: NOW + 24 * 3_600_000 })).toBe("14 Mar 03:12");
    expect(localTime(AT, { now: NOW + 400 * 24 * 3_600_000 })).toBe("14 Mar 2026 03:12");
  });

  it("count who has obeyed, and name who has not", () => {
    const pods = Array.from({ length: 12 }, (_, index) => ({
      instance: `pod-${index + 1}`,
      agent: "support",
      version: null,
      state: index === 6 ? ("silent" as const) : ("obeyed" as const),
      seenAt: AT,
    }));
    expect(obedienceWords(pods, "stopped")).toBe("11 of 12 instances stopped; silent: pod-7");
    expect(obedienceWords(pods.slice(0, 1), "read-only")).toBe("1 of 1 instance only read");
    const pending = pods.map((one) => ({ ...one, state: "pending" as const }));
    expect(obedienceWords(pending, "running")).toBe(
      "0 of 12 instances up to date; pending: pod-1, pod-2, pod-3, pod-4, pod-5 and 7 more",
    );
    expect(obedienceWords([], "stopped")).toBe("No instance has reported in the last day.");
  });

  it("say what became of an order, and never that an order stands safely where it does not", () => {
    const answer = { ...held, durable: true, covering: [] };
    expect(answerWords(answer, "stopped", NOW)).toBe("Stopped support at 03:12:40 by kim (order 7).");
    expect(answerWords({ ...answer, durable: false }, "stopped", NOW)).toContain("NOT saved");
    const wider = { ...held, scope: "*", epoch: 3 };
    expect(answerWords({ ...answer, covering: [wider] }, "release", NOW)).toBe(
      "Let support act again at 03:12:40 by kim (order 7). It is STOPPED by the order on all agents.",
    );
    expect(refusalWords(403, { error: "token kim lacks the role release" })).toBe(
      "Not done: token kim lacks the role release. Sign in with a token that has the role.",
    );
    expect(refusalWords(500, null)).toBe("Not done: the service answered 500.");
  });

  it("say that a replayed order was undone, and of no other", () => {
    const answer = { ...held, mode: "running", replayed: true } as const;
    expect(undoneWords(answer, "stopped")).toBe(
      "support is RUNNING: order 7 arrived, but somebody released it meanwhile. Press again to stop support.",
    );
    expect(undoneWords({ ...answer, scope: "*", mode: "read-only" }, "stopped")).toMatch(/^all agents are READ-ONLY: /);
    expect(undoneWords(answer, "read-only")).toMatch(/Press again to set support to read-only\.$/);
    expect(undoneWords({ ...answer, mode: "stopped" }, "stopped")).toBeNull();
    expect(undoneWords({ ...answer, mode: "stopped" }, "read-only")).toBeNull();
    expect(undoneWords({ ...answer, mode: "read-only" }, "read-only")).toBeNull();
    expect(undoneWords(answer, "release")).toBeNull();
    expect(undoneWords({ ...held, mode: "running" }, "stopped")).toBeNull();
  });

  it("take orders alone from the log", () => {
    const kinds = ["kill", "release", "trip", "expired", "refused", "token-added", "alert", "constructor", "toString"];
    expect(kinds.filter((kind) => orderKindWords({ kind }) !== null)).toEqual(ORDER_KINDS);
  });
});
