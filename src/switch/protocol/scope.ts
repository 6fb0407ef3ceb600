/**
 * Scopes (contract, section 1): `*`, `AGENT`, `AGENT@VERSION`, `AGENT/TYPE`, and the same under `drill/`.
 */

const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";
const FORM = new RegExp(`^(drill/)?(?:(\\*)|(${NAME})(?:@(${NAME})|/(${NAME}))?)$`);
const RESERVED = new Set(["drill", "all"]);

export const SCOPE_FORMS =
  "*, AGENT, AGENT@VERSION, AGENT/TYPE, or one of these under drill/ (names of letters, digits, '.', '_', '-', at most 64)";

/** A scope taken apart. `agent` is null where it covers every agent; `version` and `type` where it covers all of them. */
export interface Scope {
  /** As it is written. */
  text: string;
  drill: boolean;
  agent: string | null;
  version: string | null;
  type: string | null;
}

/** Whom a decision is about: one agent, or everything (`agent` null). */
export interface Target {
  agent: string | null;
  version?: string | null | undefined;
  type?: string | null | undefined;
  /** A call of a drill: obeys real and drill orders. */
  drill?: boolean | undefined;
}

/** The scope that a text names; null where it names none. */
export function parseScope(text: string): Scope | null {
  const [, drill, all, agent, version, type] = FORM.exec(text) ?? [];
  if (all === undefined && agent === undefined) return null;
  if (agent !== undefined && RESERVED.has(agent)) return null;
  return {
    text,
    drill: drill !== undefined,
    agent: agent ?? null,
    version: version ?? null,
    type: type ?? null,
  };
}

/** Whether an order on this scope holds for the target. A real order holds for drills too, a drill's never for real work. */
export function covers(scope: Scope, target: Target): boolean {
  if (scope.drill && target.drill !== true) return false;
  if (scope.agent === null) return true;
  if (scope.agent !== target.agent) return false;
  if (scope.version !== null && scope.version !== target.version) return false;
  return scope.type === null || scope.type === target.type;
}

/** The agent's own scope as a target, as it asks for itself: `drill/support/refund` is a drill's refund by support. */
export function targetOf({ agent, version, type, drill }: Scope): Target {
  return { agent, version, type, drill };
}
