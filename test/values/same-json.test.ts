import { expect, it } from "vitest";
import { sameJson } from "../../src/values/same-json.ts";

it("compares as JSON does, in whatever order and however deep", () => {
  const nested = (text: string): unknown => JSON.parse(`${"[".repeat(50_000)}${text}${"]".repeat(50_000)}`);
  expect(sameJson({ a: [1, { b: null }], c: "\ud83d" }, { c: "\ud83d", a: [1, { b: null }] })).toBe(true);
  expect(sameJson({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  expect(sameJson(nested("1"), nested("1"))).toBe(true);
  expect(sameJson(nested("1"), nested("2"))).toBe(false);
});

it.each([
  [null, {}],
  [[], {}],
  [[1], [1, 2]],
  [{ a: 1 }, { b: 1 }],
  [{ a: 1 }, { a: "1" }],
  [JSON.parse('{"__proto__":{}}'), { x: {} }],
  ["\ud83d", "\ufffd"],
])("tells %j from %j", (one, other) => {
  expect([sameJson(one, other), sameJson(other, one)]).toEqual([false, false]);
});
