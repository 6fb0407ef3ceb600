import type { Order } from "../protocol/order.ts";
import { parseScope, type Scope, SCOPE_FORMS } from "../protocol/scope.ts";
import { Refused } from "./caller.ts";

/** What every order must bring. */

const LONGEST_REASON = 1_000;
const LONGEST_TTL_SECONDS = 86_400;
/** Every order in force goes to every client: an agent that keeps naming types must not make them grow without end. */
const MOST_TRIPPED_TYPES = 100;

/** Throws Refused (400). */
export function scopeOf(text: string): Scope {
  const scope = parseScope(text);
  if (scope === null) throw new Refused(400, `${JSON.stringify(text)} is no scope: expected ${SCOPE_FORMS}`);
  return scope;
}

/**
 * What a trip makes read-only: the agent or, where it names an action type, that type alone; again the whole agent where
 * too many of its types are tripped already. Throws Refused (400).
 */
export function tripScope(agent: string, type: string | undefined, orders: readonly Order[]): Scope {
  const whole = scopeOf(agent);
  if (type === undefined) return whole;
  const scope = parseScope(`${agent}/${type}`);
  if (scope?.type !== type) {
    throw new Refused(400, `type: ${JSON.stringify(type)} is no action type that a scope can name: ${SCOPE_FORMS}`);
  }
  const tripped = orders.filter((order) => order.cause === "breaker" && order.scope.startsWith(`${agent}/`));
  const stands = tripped.some((order) => order.scope === scope.text);
  return stands || tripped.length < MOST_TRIPPED_TYPES ? scope : whole;
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
