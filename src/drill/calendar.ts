/** An event for a whole day (UTC) in a calendar, RFC 5545. */
export interface CalendarEvent {
  /** The same for the same event for good: a calendar that reads it again moves the event, and makes no second one. */
  uid: string;
  /** When what it says last changed, epoch milliseconds; a later one replaces an earlier one. */
  stamp: number;
  /** Any moment of the day, epoch milliseconds. */
  day: number;
  summary: string;
  description: string;
  /** How many days before a calendar reminds. */
  remindDays: number;
}

const DAY_MS = 86_400_000;
const MOST_OCTETS = 75;

/** A calendar with one event. The same event gives the same text, whenever it is written. */
export function calendarText({ uid, stamp, day, summary, description, remindDays }: CalendarEvent): string {
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//clawproof//drills//EN",
    "CALSCALE:GREGORIAN",
    "BEGIN:VEVENT",
    `UID:${escaped(uid)}`,
    `DTSTAMP:${dateOf(stamp)}T${new Date(stamp).toISOString().slice(11, 19).replaceAll(":", "")}Z`,
    // Calendars ask for a number that grows when they are to believe a change.
    `SEQUENCE:${Math.floor(stamp / 60_000)}`,
    `DTSTART;VALUE=DATE:${dateOf(day)}`,
    `DTEND;VALUE=DATE:${dateOf(day + DAY_MS)}`,
    `SUMMARY:${escaped(summary)}`,
    `DESCRIPTION:${escaped(description)}`,
    "TRANSP:TRANSPARENT",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    `DESCRIPTION:${escaped(summary)}`,
    `TRIGGER:-P${remindDays}D`,
    "END:VALARM",
    "END:VEVENT",
    "END:VCALENDAR",
  ]
    .map((line) => `${folded(line)}\r\n`)
    .join("");
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll("-", "");
}

/** Text as a value: its own separators are no separators, and nothing in it drives a reader. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\\\")
    .replaceAll(";", "\\;")
    .replaceAll(",", "\\,")
    .replace(/\r\n|\r|\n/g, "\\n")
    .replace(/\p{Cc}/gu, " ");
}

/** At most 75 octets a line; what goes on begins with a space, and no character is cut in two. */
function folded(line: string): string {
  const lines: string[] = [];
  let current = "";
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > MOST_OCTETS) {
      lines.push(current);
      current = " ";
      octets = 1;
    }
    current += character;
    octets += size;
  }
  return [...lines, current].join("\r\n");
}
