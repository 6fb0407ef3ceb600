import type { Parameter, Value } from "../databases/database.ts";

/** Below it a number counts seconds, above it milliseconds: as seconds it is the year 5138, as milliseconds 1973. */
const SECONDS_BELOW = 1e11;
const DATE_AND_TIME =
  /^\d{4}-\d{2}-\d{2}(?:([T ])\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?\s*(Z|[+-]00(?::?00)?|[+-]\d{2}(?::?\d{2})?)?)?$/i;
const UTC = /^(?:Z|[+-]00(?::?00)?)$/i;
const NUMBER = /^-?\d+(?:\.\d+)?$/;

/** A time as databases hold them (ISO 8601, epoch seconds or milliseconds) in epoch milliseconds; null for anything else. Without a zone it is UTC. */
export function epochOf(value: Value | undefined): number | null {
  const text = String(value ?? "").trim();
  if (NUMBER.test(text)) return Math.abs(Number(text)) < SECONDS_BELOW ? Number(text) * 1_000 : Number(text);
  const [, separator, zone] = DATE_AND_TIME.exec(text) ?? [];
  if (separator === undefined) return /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : null;
  const iso = text
    .replace(/^(.{10}) /, "$1T")
    .replace(",", ".")
    .replace(/\s+/g, "");
  const ms = Date.parse(zone === undefined ? `${iso}Z` : iso.replace(/([+-]\d{2})$/, "$1:00"));
  return Number.isNaN(ms) ? null : ms;
}

/**
 * A moment (epoch milliseconds) in the form of a time that the column holds, so that the database itself can compare
 * them; null where they cannot be compared: an unknown form, or text with an offset from UTC.
 */
export function momentLike(sample: Value | undefined, ms: number): Parameter | null {
  if (typeof sample === "number" || typeof sample === "bigint") return inUnitOf(sample, ms);
  const text = String(sample ?? "").trim();
  // Padded, because a text column compares digit by digit.
  if (NUMBER.test(text)) return String(inUnitOf(Number(text), ms)).padStart(text.length, "0");
  const [, separator, zone] = DATE_AND_TIME.exec(text) ?? [];
  if (epochOf(text) === null || (zone !== undefined && !UTC.test(zone))) return null;
  // No zone and no ".000": then it sorts before every spelling of the same second.
  const iso = new Date(ms)
    .toISOString()
    .replace("Z", "")
    .replace(/\.000$/, "");
  return iso.replace("T", separator ?? "T");
}

const inUnitOf = (sample: number | bigint, ms: number): number =>
  Math.abs(Number(sample)) < SECONDS_BELOW ? Math.ceil(ms / 1_000) : Math.ceil(ms);
