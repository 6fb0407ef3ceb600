import { randomBytes } from "node:crypto";

/** A trace of its own for one probe, so that what it did can be found and undone. */
export interface Trace {
  /** 32 hexadecimal digits. */
  id: string;
  /** The W3C `traceparent` header, marked as sampled. */
  traceparent: string;
}

/** With an `id`: one more step of that trace. */
export function newTrace(id: string = nonZero(16)): Trace {
  return { id, traceparent: `00-${id}-${nonZero(8)}-01` };
}

/** Trace context forbids identifiers of zeros alone. */
function nonZero(length: number): string {
  const bytes = randomBytes(length);
  if (bytes.every((byte) => byte === 0)) bytes[0] = 1;
  return bytes.toString("hex");
}
