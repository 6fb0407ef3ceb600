import { parseDuration } from "./duration.ts";

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * A moment as people type it (contract, section 6), in epoch milliseconds: a duration ago (`3h`), a clock time (`03:00`:
 * today, or yesterday if that is still to come), or ISO 8601; without a zone, this machine's. Null for any other text, and
 * for a day that no calendar has.
 */
export function parseMoment(text: string, now: number): number | null {
  const written = text.trim();
  const duration = parseDuration(written);
  if (duration !== undefined) return now - duration;
  const clock = CLOCK.exec(written);
  if (clock) return clockTime(clock, now);
  const iso = ISO.exec(written);
  return iso ? isoTime(iso) : null;
}

function clockTime([, hours = "", minutes = "", seconds = "0"]: RegExpExecArray, now: number): number | null {
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  if (h > 23 || m > 59 || s > 59) return null;
  const today = new Date(now);
  const at = (day: number): number =>
    new Date(today.getFullYear(), today.getMonth(), today.getDate() + day, h, m, s).getTime();
  return at(0) <= now ? at(0) : at(-1);
}

function isoTime(parts: RegExpExecArray): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0));
  const milliseconds = Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3));
  const [zone] = [parts[8]];
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second, milliseconds));
  const isReal = utc.getUTCMonth() === month - 1 && utc.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) return null;
  if (zone === undefined) return new Date(year, month - 1, day, hour, minute, second, milliseconds).getTime();
  return utc.getTime() - offsetOf(zone);
}

function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  return sign === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

const two = (part: number): string => String(part).padStart(2, "0");

/** Beyond it JavaScript knows no dates. */
export const LAST_MOMENT = 8.64e15;
export const isMoment = (ms: number): boolean => Math.abs(ms) <= LAST_MOMENT;

/** A moment on this machine's clock: `2026-11-22 03:00:00 +01:00`. */
export function localMoment(ms: number): string {
  const at = new Date(ms);
  const offset = -at.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zone}`;
}

/** What a window was understood as, a line for each end: `since …`, `until …`. */
export function windowWords({ since, until }: { since?: number | undefined; until?: number | undefined }): string[] {
  return [
    ...(since === undefined ? [] : [`since ${bothMoments(since)}`]),
    ...(until === undefined ? [] : [`until ${bothMoments(until)}`]),
  ];
}

/** A moment in local time and in UTC: `2026-11-22 03:00:00 +01:00 (2026-11-22 02:00:00 UTC)`. */
export function bothMoments(ms: number): string {
  if (!isMoment(ms)) return "a time that no calendar has";
  return `${localMoment(ms)} (${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC)`;
}
