import type { Choice } from "../operator/target.ts";
import { parseDuration } from "../values/duration.ts";
import { type Format, parseFormat } from "./formats.ts";
import { UsageError } from "./usage-error.ts";

/** The options that every command on a switch has. */
export interface SwitchFlags extends Choice {
  by?: string;
  format: string;
}

/** Throws UsageError. */
export function formatOf({ format }: Pick<SwitchFlags, "format">): Format {
  return parseFormat(format);
}

/** Milliseconds of an option's duration. Throws UsageError. */
export function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new UsageError(`${option} takes a duration such as 500ms, 30s, 5m or 90d, not "${text}"`);
  return ms;
}

/** Whole seconds of an option's duration, at least one; undefined where it is not given. Throws UsageError. */
export function secondsOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = durationOf(option, text);
  if (ms < 1_000 || ms % 1_000 !== 0) throw new UsageError(`${option} takes whole seconds, at least 1s, not "${text}"`);
  return ms / 1_000;
}

/** A whole number of an option, from `least` on; undefined where it is not given. Throws UsageError. */
export function numberOf(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`${option} takes a whole number from ${least}, not "${text}"`);
}
