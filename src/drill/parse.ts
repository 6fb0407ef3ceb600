import * as z from "zod";
import { canonicalJson } from "../values/canonical-json.ts";
import type { DrillLine } from "./line.ts";

const hex = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hex");
const time = z.iso.datetime({ message: "expected a time such as 2026-11-22T06:00:00.000Z" });
const count = z.int().min(0);
const milliseconds = z.number().min(0);

/** A DSSE envelope, of a line or of a file. */
export const envelopeSchema = z.looseObject({
  payload: z.string(),
  payloadType: z.string(),
  signatures: z.array(z.looseObject({ keyid: z.string().optional(), sig: z.string() })).min(1),
});

/** Loose: a later version may write more, and what it writes is hashed with the rest. */
const drillLine = z.looseObject({
  schema: z.literal("clawproof/drill@1"),
  agent: z.string().min(1),
  version: z.string().nullable(),
  environment: z.string().nullable(),
  scope: z.string().min(1),
  mark: z.string().min(1),
  startedAt: time,
  endedAt: time,
  stop: z.looseObject({ ms: milliseconds.nullable(), resolutionMs: milliseconds, acceptedAfterAnswer: count }),
  reads: z.looseObject({ sent: count, accepted: count }),
  user: z.string().nullable(),
  alertAfterMs: milliseconds.nullable(),
  undone: z.array(z.looseObject({ type: z.string().min(1), equal: z.boolean(), ms: milliseconds })),
  breaker: z.looseObject({ held: z.boolean(), why: z.string().nullable() }).nullable(),
  troubles: z.array(z.string()),
  faults: z.array(
    z.looseObject({
      fault: z.string().min(1),
      held: z.boolean(),
      switchAnswered: z.boolean().nullable(),
      ms: z.record(z.string(), milliseconds).optional(),
    }),
  ),
  switch: z.looseObject({ series: z.string().nullable(), epochs: z.array(count), entry: z.string().nullable() }),
  releasedAfterMs: milliseconds.nullable(),
  by: z.string(),
  verdict: z.looseObject({ held: z.boolean(), why: z.string().nullable() }),
  digest: hex,
  attestation: envelopeSchema.optional(),
  previous: z.union([z.literal(""), hex]),
  hash: hex,
});

/** Reads one line of a drill log. */
export function parseDrillLine(text: string): { line: DrillLine } | { why: string } {
  const json = parseStrict(text);
  return "why" in json ? json : readDrillLine(json.value);
}

/** JSON in which no key stands twice: parsers differ in which of two they take. */
export function parseStrict(text: string): { value: unknown } | { why: string } {
  const value = parseJson(text);
  if (value === undefined) return { why: "not JSON" };
  return countKeysInText(text) === countKeys(value) ? { value } : { why: "holds a key twice" };
}

/** Reads one line of a drill log that was JSON already. */
export function readDrillLine(value: unknown): { line: DrillLine } | { why: string } {
  const result = drillLine.safeParse(value);
  if (result.success) return sayable(result.data);
  const issue = result.error.issues[0];
  return { why: `not a drill's line: ${issue?.path.join(".") || "it"}: ${issue?.message ?? "invalid"}` };
}

/** A line that has no canonical form has no hash either. */
function sayable(line: DrillLine): { line: DrillLine } | { why: string } {
  try {
    canonicalJson(line);
    return { line };
  } catch (error) {
    return { why: `not a drill's line: ${error instanceof Error ? error.message : "invalid"}` };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse throws nothing but "not JSON", and JSON has no undefined.
    return undefined;
  }
}

/** JSON.parse keeps the last of two equal keys and says nothing, so they are counted: a colon outside of strings each. */
function countKeysInText(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, "").split(":").length - 1;
}

function countKeys(root: unknown): number {
  let count = 0;
  // A list instead of recursion: the text may be nested as deep as it likes.
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    const members: unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += members.length;
    for (const member of members) left.push(member);
  }
  return count;
}
