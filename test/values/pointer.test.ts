import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPointer, readPointer } from "../../src/values/pointer.ts";

/** The document of RFC 6901, section 5. */
const RFC = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

describe("readPointer", () => {
  test.each([
    ["", RFC],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/foo/1", "baz"],
    ["/", 0],
    ["/a~1b", 1],
    ["/c%d", 2],
    ["/e^f", 3],
    ["/g|h", 4],
    ["/i\\j", 5],
    ['/k"l', 6],
    ["/ ", 7],
    ["/m~0n", 8],
  ])("%j is found", (pointer, value) => {
    expect(readPointer(RFC, pointer)).toEqual({ found: true, value });
  });

  test.each([
    [{ "~1": "tilde one" }, "/~01", "tilde one"],
    [{ a: null }, "/a", null],
    [{ a: undefined }, "/a", undefined],
    [[[1]], "/0/0", 1],
    [JSON.parse('{"__proto__": {"x": 1}}'), "/__proto__/x", 1],
    ["text", "", "text"],
    [undefined, "", undefined],
  ])("%j at %j", (value, pointer, expected) => {
    expect(readPointer(value, pointer)).toEqual({ found: true, value: expected });
  });

  test.each([
    [RFC, "foo"],
    [RFC, "/foo/2"],
    [RFC, "/foo/-"],
    [RFC, "/foo/00"],
    [RFC, "/foo/01"],
    [RFC, "/foo/ 1"],
    [RFC, "/foo/1e0"],
    [RFC, "/foo/length"],
    [RFC, "/nothing"],
    [RFC, "/foo/0/0"],
    [RFC, "/m~n"],
    [RFC, "/m~2n"],
    [{}, "/constructor"],
    [{}, "/__proto__"],
    [[], "/push"],
    ["text", "/0"],
    [null, "/a"],
    [7, "/toFixed"],
  ])("%j at %j is not found", (value, pointer) => {
    expect(readPointer(value, pointer)).toEqual({ found: false });
  });

  test("reaches every own key, whatever its characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer(), (key, value) => {
        const pointer = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        expect(readPointer(Object.fromEntries([[key, value]]), pointer)).toEqual({ found: true, value });
      }),
    );
  });
});

test.each([
  ["", true],
  ["/", true],
  ["/a/b", true],
  ["/a~0/~1", true],
  ["/line\nbreak", true],
  ["a", false],
  ["#/a", false],
  ["/~", false],
  ["/~2", false],
])("isPointer(%j) is %s", (text, expected) => {
  expect(isPointer(text)).toBe(expected);
});
