import { createHash, timingSafeEqual } from "node:crypto";
import type { Core } from "./core.ts";
import { settingsView, stateOf } from "./state.ts";

export interface HandlerOptions {
  /** A token that lets its bearer open and close the breaker of drill calls. Without one nobody can. */
  operator?: string | undefined;
}

/**
 * `GET`: the breaker's limits under the names that the audit reads (`breaker.settings: { url }`), with state and counts
 * beside them. `POST {"breaker": "open" | "closed", "scope"?: "drill/AGENT"}` by an operator: for drill calls only.
 */
export function handlerOf(core: Core, { operator }: HandlerOptions): (request: Request) => Promise<Response> {
  if (operator !== undefined && operator === "") throw new TypeError("operator must be a token, not an empty text");
  return async (request) => {
    if (request.method === "GET" || request.method === "HEAD") return answer(200, shown());
    if (request.method !== "POST" || operator === undefined) {
      return answer(405, { error: "GET tells the state; POST is for an operator, whom this agent does not have" });
    }
    if (!isBearer(request, operator)) return answer(401, { error: "this needs the operator's token" });
    const wanted = await wantedOf(request, `drill/${core.settings.agent}`);
    if (typeof wanted === "object") return answer(400, wanted);
    const now = core.clock.monotonic();
    if (wanted === "open") core.breaker.drill.open("operator", {}, now);
    else core.breaker.drill.close(now);
    return answer(200, shown());
  };

  function shown(): object {
    return { ...settingsView(core.breakerSettings), ...stateOf(core) };
  }
}

/** A scope may be named, so that a rehearsal can say what it is allowed to touch: there is only one. */
async function wantedOf(request: Request, scope: string): Promise<"open" | "closed" | { error: string }> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    return { error: 'send {"breaker": "open"} or {"breaker": "closed"} as JSON' };
  }
  const { breaker, scope: named } = (body ?? {}) as { breaker?: unknown; scope?: unknown };
  if (breaker !== "open" && breaker !== "closed") return { error: 'breaker must be "open" or "closed"' };
  if (named !== undefined && named !== scope) return { error: `only ${scope} can be opened and closed here` };
  return breaker;
}

function isBearer(request: Request, token: string): boolean {
  const given = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  // Hashed, so that what takes time tells nothing about length or content.
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function answer(status: number, body: object): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}
