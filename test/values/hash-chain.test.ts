import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { canonicalJson } from "../../src/values/canonical-json.ts";
import { breakBetween, chain, hashOfEntry, sha256 } from "../../src/values/hash-chain.ts";

describe("canonical JSON", () => {
  it("writes the example of RFC 8785", () => {
    const value = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    ) as unknown;
    expect(canonicalJson(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it("sorts keys by UTF-16 units, as the RFC's example does", () => {
    const keys = ["\u20ac", "\r", "\ufb33", "1", "\ud83d\ude00", "\u0080", "\u00f6"];
    const value = Object.fromEntries(keys.map((key) => [key, 0]));
    const written = [...canonicalJson(value).matchAll(/"([^"]+)":/g)].map(
      ([, key]) => JSON.parse(`"${key}"`) as string,
    );
    expect(written).toEqual(["\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"]);
  });

  it("reads back as the same value, whatever the order of keys was", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!/\p{Surrogate}/u.test(JSON.stringify(value)));
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, [undefined], () => 1, 1n, "\ud800", { "\udc00": 1 }])(
    "refuses what JSON cannot say: %s",
    (value) => {
      expect(() => canonicalJson(value)).toThrow(TypeError);
    },
  );

  it("refuses a value that is nested without end", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => canonicalJson(loop)).toThrow("nested deeper than 100 levels");
  });
});

describe("hash chain", () => {
  it("hashes the entry without its hash, so anybody can recompute it", () => {
    const first = chain({ b: 1, a: "x" }, "");
    expect(first.hash).toBe(sha256('{"a":"x","b":1,"previous":""}'));
    expect(hashOfEntry(first)).toBe(first.hash);
  });

  it("tells a changed entry from one that does not follow", () => {
    const first = chain({ n: 1 }, "");
    const second = chain({ n: 2 }, first.hash);
    const third = chain({ n: 3 }, second.hash);
    expect(breakBetween("", first)).toBeNull();
    expect(breakBetween(first.hash, second)).toBeNull();
    expect(breakBetween(first.hash, { ...second, n: 5 } as typeof second)).toBe("changed");
    expect(breakBetween(first.hash, third)).toBe("unlinked");
  });
});
