import type { HttpAnswer } from "../doors/door.ts";

/**
 * What became of one attempt to tell somebody. `accepted (queued)` is not `delivered`: the other side took it and may
 * still lose it.
 */
export interface Outcome {
  outcome: "delivered" | "accepted (queued)" | "failed";
  /** The status of the answer, where one came. */
  status?: number;
  /** In words for a person, without secrets. */
  why?: string;
  /** How long the other side asks to be left alone; milliseconds. */
  retryAfterMs?: number;
  /** Trying again would change nothing. */
  final: boolean;
}

export function delivered(status: number): Outcome {
  return { outcome: "delivered", status, final: true };
}

export function failed(why: string, { final = false }: { final?: boolean } = {}): Outcome {
  return { outcome: "failed", why, final };
}

/** Statuses of 4xx that say "later", not "never". */
const LATER = new Set([408, 429]);

/** An answer that is no success; `advice` by status says what to do about it. Its text is never shown: it may hold anything. */
export function refusedBy(answer: HttpAnswer, now: number, advice: Readonly<Record<number, string>> = {}): Outcome {
  const { status } = answer;
  const retryAfterMs = retryAfter(answer.headers["retry-after"], now);
  const words = advice[status] ?? commonAdvice(answer);
  return {
    outcome: "failed",
    status,
    why: words === undefined ? `answered ${status}` : `answered ${status}: ${words}`,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    // A success of another kind than agreed may well have been acted on: sending it again could repeat it without end.
    final: status < 300 || (status >= 400 && status < 500 && !LATER.has(status)),
  };
}

function commonAdvice({ status, headers }: HttpAnswer): string | undefined {
  if (status >= 300 && status < 400) {
    const location = headers["location"] ?? "";
    const origin = URL.canParse(location) ? ` to ${new URL(location).origin}` : "";
    return `it redirects${origin}, and alerts follow no redirect; name the address itself`;
  }
  if (status === 401 || status === 403) return "it does not let us in; check the address and its credentials";
  if (status === 404) return "nothing is there; check the address";
  if (status === 410) return "it is gone and wants no more; remove the route or name its new address";
  if (status === 429) return "too many messages for it just now";
  return undefined;
}

/** Milliseconds of a Retry-After header, in seconds or as a date; null where it says nothing. */
export function retryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (/^\d{1,12}(?:\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const date = /^[A-Za-z]{3},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
