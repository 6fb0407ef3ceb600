import * as z from "zod";
import { canonicalJson } from "../../values/canonical-json.ts";
import { ROLES } from "../protocol/roles.ts";
import { Refused } from "./caller.ts";

/** The bodies of requests. Unknown members are errors: `scpoe` must not become "no scope". */

/** Shown to people, in lines of a log. */
const name = z
  .string()
  .max(128)
  .regex(/^[\p{L}\p{N}\p{P}\p{S}]+( [\p{L}\p{N}\p{P}\p{S}]+)*$/u, "expected a name of printable characters");
const MOST_COUNTS = 32;
const counts = z
  .record(z.string().max(64), z.int().min(0))
  .refine((all) => Object.keys(all).length <= MOST_COUNTS, `at most ${MOST_COUNTS} of them`);

export const killBody = z.strictObject({
  scope: z.string().min(1).max(200),
  mode: z.enum(["stopped", "read-only"]).optional(),
  reason: z.string(),
  ttlSeconds: z.int().optional(),
});

export const releaseBody = z.strictObject({
  scope: z.string().min(1).max(200),
  reason: z.string(),
  ifEpoch: z.int().min(0).optional(),
  evidence: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hex")
    .optional(),
});

export const tripBody = z
  .strictObject({
    instance: name,
    signal: z.string().min(1).max(100),
    figures: z.record(z.string().max(64), z.unknown()).default({}),
    type: z.string().max(200).optional(),
  })
  .superRefine(canBeLogged);

export const reportBody = z
  .strictObject({
    instance: name,
    agent: name,
    version: name.nullish().transform((version) => version ?? undefined),
    series: z.string().max(64),
    epoch: z.int().min(0),
    running: counts.optional(),
    counts: counts.optional(),
  })
  .superRefine(canBeLogged);

export const tokenBody = z.strictObject({
  name: z.string(),
  roles: z.array(z.enum(ROLES)),
  agent: z.string().optional(),
  expiresInSeconds: z
    .int()
    .min(1)
    .max(10 * 365 * 86_400)
    .optional(),
});

export const drillBody = z.strictObject({ line: z.record(z.string(), z.unknown()) }).superRefine(canBeLogged);

export const logQuery = z.object({
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
  last: z.coerce.number().int().min(1).max(10_000).optional(),
  scope: z.string().optional(),
  orders: z
    .literal("1")
    .optional()
    .transform((one) => one === "1"),
});

export const drillsQuery = z.object({
  agent: z.string().optional(),
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
});

export const LARGEST_BODY = 64 * 1024;

export class TooLarge extends Refused {
  constructor() {
    super(413, `a body has at most ${LARGEST_BODY / 1024} KiB`);
  }
}

/** Entries of the log are hashed, and not everything that JSON can say has one spelling. */
function canBeLogged(value: unknown, context: z.RefinementCtx): void {
  try {
    canonicalJson(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    context.addIssue({ code: "custom", message: `this cannot be logged: ${error.message}` });
  }
}

/** Reads a JSON body. Throws Refused (400, 413, 415). */
export async function bodyOf<T>(request: Request, schema: z.ZodType<T>): Promise<{ body: T; text: string }> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw new Refused(415, "send JSON with Content-Type: application/json");
  }
  const text = await textOf(request);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Refused(400, `the body is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { body: valid(json, schema), text };
}

/** A body's text, which may come in chunks without saying how long it is. Throws Refused (413). */
export async function textOf(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > LARGEST_BODY) throw new TooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TooLarge) throw error;
    throw new Refused(400, "the body broke off");
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Throws Refused (400) with everything that is wrong. */
export function valid<T>(value: unknown, schema: z.ZodType<T>): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "));
  throw new Refused(400, problems.join("; "));
}
