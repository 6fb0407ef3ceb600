import { isDeepStrictEqual } from "node:util";
import type { Reading } from "../config/primitives.ts";
import { readPointer } from "../values/pointer.ts";
import type { Answer } from "./door.ts";

/**
 * What a reading finds in a value: what is at its pointer, the first of several that is not empty, or whether the value
 * there is the one named. Undefined where there is nothing, which a caller must not take for "no".
 */
export function readThrough(value: unknown, reading: Reading): unknown {
  if (typeof reading === "string") return at(value, reading);
  if (Array.isArray(reading)) return reading.map((pointer) => at(value, pointer)).find((found) => !isEmpty(found));
  const found = at(value, reading.at);
  return found === undefined ? undefined : isDeepStrictEqual(found, reading.is);
}

function at(value: unknown, pointer: string): unknown {
  const read = readPointer(value, pointer);
  return read.found ? read.value : undefined;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?) ?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;
/** As seconds this is the year 5138, as milliseconds 1973: below it a number counts seconds. */
const FIRST_MS = 100_000_000_000;
/** Beyond it a number counts microseconds, or nothing at all. */
const LAST_MS = 100_000_000_000_000;

/** A time as epoch milliseconds, from ISO 8601 (UTC where it names no zone), epoch seconds or milliseconds; else null. */
export function readTime(value: unknown): number | null {
  if (typeof value === "number") return fromEpoch(value);
  if (typeof value !== "string") return null;
  const text = value.trim();
  return /^\d+(?:\.\d+)?$/.test(text) ? fromEpoch(Number(text)) : fromIso(text);
}

function fromEpoch(number: number): number | null {
  if (!Number.isFinite(number) || number <= 0 || number >= LAST_MS) return null;
  return Math.round(number < FIRST_MS ? number * 1_000 : number);
}

function fromIso(text: string): number | null {
  const [, day, time = "00:00", zone = "Z"] = ISO.exec(text) ?? [];
  if (day === undefined) return null;
  const offset = zone.length === 3 ? `${zone}:00` : zone.replace(/^([+-]\d{2})(\d{2})$/, "$1:$2");
  const ms = Date.parse(`${day}T${time.replace(",", ".")}${offset.toUpperCase()}`);
  return Number.isNaN(ms) ? null : ms;
}

/** The JSON in an answer, or why there is none (`answered HTML, not JSON`). */
export function answerJson(answer: Answer): { value: unknown } | { why: string } {
  const text = answer.via === "http" ? answer.text : answer.stdout;
  try {
    return { value: JSON.parse(text) };
  } catch {
    // What JSON.parse complains of (`Unexpected token <`) is said better by naming what came instead.
    return { why: `${answer.via === "http" ? "answered" : "printed"} ${nameOf(text)}, not JSON` };
  }
}

function nameOf(text: string): string {
  const begin = text.trimStart().slice(0, 200).toLowerCase();
  if (begin === "") return "nothing";
  if (/^<(?:!doctype html|html|head|body|!--)/.test(begin)) return "HTML";
  if (begin.startsWith("<")) return "XML";
  return "text";
}
