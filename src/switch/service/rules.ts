import { parseScope, type Scope, SCOPE_FORMS } from "../protocol/scope.ts";
import { Refused } from "./caller.ts";

/** What every order must bring. */

const LONGEST_REASON = 1_000;
const LONGEST_TTL_SECONDS = 86_400;

/** Throws Refused (400). */
export function scopeOf(text: string): Scope {
  const scope = parseScope(text);
  if (scope === null) throw new Refused(400, `${JSON.stringify(text)} is no scope: expected ${SCOPE_FORMS}`);
  return scope;
}

/** The reason without white space around it. Throws Refused (400). */
export function reasonOf(text: string): string {
  const reason = text.trim();
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(reason))
    throw new Refused(400, "a reason is required: who reads the log tonight wants to know why");
  if (reason.length > LONGEST_REASON) throw new Refused(400, `a reason has at most ${LONGEST_REASON} characters`);
  if (/\p{Surrogate}/u.test(reason)) throw new Refused(400, "the reason holds half a character (a lone surrogate)");
  return reason;
}

/** When an order of a drill given `at` ends by itself; undefined without a time to live. Throws Refused (400). */
export function endOf(scope: Scope, at: string, ttlSeconds: number | undefined): string | undefined {
  if (ttlSeconds === undefined) return undefined;
  if (!scope.drill) {
    throw new Refused(400, "ttlSeconds is for drills alone: a real order stands until a person releases it");
  }
  if (!(ttlSeconds >= 1 && ttlSeconds <= LONGEST_TTL_SECONDS)) {
    throw new Refused(400, `ttlSeconds is 1 to ${LONGEST_TTL_SECONDS}`);
  }
  return new Date(Date.parse(at) + ttlSeconds * 1_000).toISOString();
}
