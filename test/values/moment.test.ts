import { describe, expect, it } from "vitest";
import { bothMoments, parseMoment } from "../../src/values/moment.ts";

const NOW = new Date(2026, 10, 22, 12, 30).getTime();
const local = (...at: [number, number, number, number?, number?, number?]): number => new Date(...at).getTime();

describe("a moment", () => {
  it.each([
    ["3h", NOW - 3 * 3_600_000],
    ["03:00", local(2026, 10, 22, 3, 0)],
    ["12:30", NOW],
    ["12:31", local(2026, 10, 21, 12, 31)],
    ["23:59:59", local(2026, 10, 21, 23, 59, 59)],
    ["2026-11-22", local(2026, 10, 22)],
    ["2026-11-22T03:00", local(2026, 10, 22, 3, 0)],
    ["2026-11-22 03:00:00.250Z", Date.UTC(2026, 10, 22, 3, 0, 0, 250)],
    ["2026-11-22T03:00+01:00", Date.UTC(2026, 10, 22, 2, 0)],
    ["2026-11-22T03:00:00-0530", Date.UTC(2026, 10, 22, 8, 30)],
  ])("%s", (text, ms) => {
    expect(parseMoment(text, NOW)).toBe(ms);
  });

  it.each([
    "",
    "yesterday",
    "24:00",
    "3:60",
    "2026-02-30",
    "2026-13-01",
    "2026-11-22T25:00Z",
    "22.11.2026",
    "1795316400",
  ])("is not %j", (text) => {
    expect(parseMoment(text, NOW)).toBeNull();
  });

  it("is printed in local time and in UTC, and read back the same", () => {
    const printed = bothMoments(NOW);
    expect(printed).toMatch(/^2026-11-22 12:30:00 [+-]\d\d:\d\d \(2026-11-2\d \d\d:\d\d:00 UTC\)$/);
    expect(parseMoment(printed.slice(0, 26), 0)).toBe(NOW);
  });
});
