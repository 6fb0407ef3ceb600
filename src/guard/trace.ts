import { randomFillSync } from "node:crypto";

/** W3C Trace Context, `traceparent`: version, trace ID, parent ID, flags; neither ID all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-|$)/;
const BYTES = 16;
/** One call for random bytes costs as much as sixty actions, so they are fetched for many at once. */
const pool = Buffer.allocUnsafe(BYTES * 256);
let used = pool.length;

/** A new random trace ID: 32 hex digits. */
export function newTraceId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString("hex", used, used + BYTES);
  used += BYTES;
  return id;
}

/** Headers of a request: the platform's, or a plain map as Node's servers have them. */
export type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

function header(headers: HeadersLike, name: string): string | null {
  if (headers instanceof Headers) return headers.get(name);
  const value = headers[name];
  return typeof value === "string" ? value : (value?.[0] ?? null);
}

/** The trace that a request came with; undefined where it came with none, or a malformed one. */
export function traceOfHeaders(headers: HeadersLike): string | undefined {
  return TRACEPARENT.exec(header(headers, "traceparent") ?? "")?.[1];
}

/** Whether a request is marked as part of a drill. */
export function isDrillRequest(headers: HeadersLike): boolean {
  return header(headers, "clawproof-drill") === "1";
}
