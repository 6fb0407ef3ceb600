import * as z from "zod";
import { isPointer } from "../values/pointer.ts";
import { parseDuration } from "../values/duration.ts";

// One file is checked once: compiling its schemas first would take longer than it saves.
z.config({ jitless: true });

/** Text as it stands in the file: `${…}` in it is filled in when it is used. */
export const literalText = z.string();

/** Anything that JSON can say. */
export const json = z.json();

/** Milliseconds, written `500ms`, `30s`, `5m`, `3h`, `31d` or `2w`. */
export const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h|d|w)$/, "expected a duration such as 500ms, 30s, 5m, 3h, 31d or 2w")
  .transform((text) => parseDuration(text) ?? Number.NaN);

/** A JSON Pointer (RFC 6901): empty, or beginning with a slash. */
export const pointer = z.string().refine(isPointer, "expected a JSON Pointer such as /state/stopped");

/** How a value is read from an answer: a pointer, the first of several that is not empty, or "is it this value". */
export const reading = z.union([pointer, z.array(pointer).min(1), z.strictObject({ at: pointer, is: json })]);
export type Reading = z.infer<typeof reading>;

/** Names of agents, types and the parts of a scope (contract, section 1). */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RESERVED = new Set(["drill", "all"]);
export const agentName = z
  .string()
  .regex(NAME, "expected a name of letters, digits, '.', '_' and '-', at most 64, beginning with a letter or digit")
  .refine((name) => !RESERVED.has(name), "this name is reserved");

/** Name of a secret: capitals, digits and underscores. */
export const secretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, "expected the name of a secret: capitals, digits, underscores");

export const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "expected a day such as 2026-12-31");
export const percent = z.number().min(0).max(100);
