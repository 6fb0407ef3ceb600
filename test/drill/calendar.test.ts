import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calendarText } from "../../src/drill/calendar.ts";

const EVENT = {
  uid: "drill-1@clawproof",
  stamp: Date.parse("2026-11-10T06:00:30.500Z"),
  day: Date.parse("2026-12-31T23:59:59.000Z"),
  summary: "Kill switch drill of support",
  description: "Hold it with: clawproof drill",
  remindDays: 7,
};
const unfolded = (text: string) => text.replaceAll("\r\n ", "").split("\r\n");

describe("calendarText", () => {
  it("is an event of RFC 5545 for a whole day", () => {
    expect(unfolded(calendarText(EVENT))).toEqual([
      "BEGIN:VCALENDAR",
      "VERSION:2.0",
      "PRODID:-//clawproof//drills//EN",
      "CALSCALE:GREGORIAN",
      "BEGIN:VEVENT",
      "UID:drill-1@clawproof",
      "DTSTAMP:20261110T060030Z",
      "SEQUENCE:29904840",
      "DTSTART;VALUE=DATE:20261231",
      "DTEND;VALUE=DATE:20270101",
      "SUMMARY:Kill switch drill of support",
      "DESCRIPTION:Hold it with: clawproof drill",
      "TRANSP:TRANSPARENT",
      "BEGIN:VALARM",
      "ACTION:DISPLAY",
      "DESCRIPTION:Kill switch drill of support",
      "TRIGGER:-P7D",
      "END:VALARM",
      "END:VEVENT",
      "END:VCALENDAR",
      "",
    ]);
  });

  it("escapes what separates values", () => {
    const text = calendarText({ ...EVENT, description: "a\\b; c, d\r\ne\nf\u0007g" });
    expect(unfolded(text)).toContain("DESCRIPTION:a\\\\b\\; c\\, d\\ne\\nf g");
  });

  it("has lines of at most 75 octets that read back as they were, whatever is in them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (description) => {
        const text = calendarText({ ...EVENT, description });
        const lines = text.split("\r\n");
        expect(text.endsWith("\r\n")).toBe(true);
        expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
        expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(75);
        expect(Buffer.from(text).toString()).toBe(text);
        const value =
          unfolded(text)
            .find((line) => line.startsWith("DESCRIPTION:"))
            ?.slice("DESCRIPTION:".length) ?? "";
        const read = value.replace(/\\(.)/g, (_, sign: string) => (sign === "n" ? "\n" : sign));
        expect(read).toBe(description.replace(/\r\n|\r|\n/g, "\n").replace(/(?!\n)\p{Cc}/gu, " "));
      }),
    );
  });
});
