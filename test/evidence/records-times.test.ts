import { describe, expect, it } from "vitest";
import { epochOf, momentLike } from "../../src/evidence/records-times.ts";

const AT = Date.UTC(2026, 10, 22, 6);

describe("a time in a database", () => {
  it.each([
    ["2026-11-22T06:00:00.000Z", AT],
    ["2026-11-22T06:00:00Z", AT],
    ["2026-11-22 06:00:00", AT],
    ["2026-11-22 06:00:00.500", AT + 500],
    ["2026-11-22 06:00:00+00", AT],
    ["2026-11-22 07:00:00+01", AT],
    ["2026-11-22T07:30:00 +0130", AT],
    ["2026-11-22", Date.UTC(2026, 10, 22)],
    [AT, AT],
    [BigInt(AT), AT],
    [AT / 1_000, AT],
    [String(AT / 1_000), AT],
    ["yesterday", null],
    ["", null],
    [null, null],
    [undefined, null],
  ])("%s is %s", (value, ms) => {
    expect(epochOf(value)).toBe(ms);
  });

  it.each([
    ["2026-11-22T05:00:00.000Z", "2026-11-22T06:00:00"],
    ["2026-11-22 05:00:00+00", "2026-11-22 06:00:00"],
    [1_795_000_000n, AT / 1_000],
    [1_795_000_000_000, AT],
    ["1795000000", String(AT / 1_000)],
    ["2026-11-22 05:00:00+02", null],
    ["soon", null],
  ])("like %s the moment is %s", (sample, moment) => {
    expect(momentLike(sample, AT)).toBe(moment);
  });
});
