import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { serve } from "../../doors/servers.ts";

/** A small kill switch of its own: orders by scope, a log, alerts, and faults that a test turns on. */

export interface Entry {
  at: string;
  by: string;
  reason: string;
  scope: string;
  action: "stop" | "resume";
}

export interface TestSwitch {
  url: string;
  log: Entry[];
  /** Reasons that went out as alerts. */
  alerts: string[];
  /** Monotonic: when the scope was stopped; null while it runs. */
  stoppedAt(scope: string): number | null;
  /** Somebody else's order. */
  order(action: Entry["action"], scope: string, by?: string): void;
  /** A status that is answered instead of 200, by path: `/stop`, `/resume`, `/state`, `/log`, `/received`. */
  faults: Map<string, number | "hang">;
  /** Takes orders and obeys none. */
  deaf: boolean;
  /** Lets the agent's own token release. */
  agentMayRelease: boolean;
  /** Answers its state to whoever asks, whatever credential is shown. */
  tellsAnybody: boolean;
  /** Called after an order was taken, before it is answered. */
  onOrder: ((entry: Entry) => void) | null;
  requests: string[];
  /** Called before a request is answered, with how many came to its path so far. */
  onRequest: ((path: string, count: number) => void) | null;
}

export const TOKENS = { SWITCH_TOKEN: "switch-token-of-the-test", AGENT_TOKEN: "agent-token-of-the-test" };

export async function startSwitch(): Promise<TestSwitch> {
  const stops = new Map<string, number>();
  const state: TestSwitch = {
    url: "",
    log: [],
    alerts: [],
    stoppedAt: (scope) => stops.get(scope) ?? null,
    order(action, scope, by = "dana") {
      take({ at: new Date().toISOString(), by, reason: "somebody's own reason", scope, action });
    },
    faults: new Map(),
    deaf: false,
    agentMayRelease: false,
    tellsAnybody: false,
    onOrder: null,
    requests: [],
    onRequest: null,
  };
  const take = (entry: Entry): void => {
    state.log.push(entry);
    state.alerts.push(entry.reason);
    if (entry.action === "resume") stops.delete(entry.scope);
    else if (!state.deaf) stops.set(entry.scope, performance.now());
  };
  const bearer = ({ headers }: IncomingMessage): string => headers.authorization?.replace(/^Bearer /, "") ?? "";
  const mayOrder = ({ headers, url }: IncomingMessage): number => {
    if (headers.authorization === `Bearer ${TOKENS.SWITCH_TOKEN}`) return 200;
    if (headers.authorization !== `Bearer ${TOKENS.AGENT_TOKEN}`) return 401;
    return state.agentMayRelease && url === "/resume" ? 200 : 403;
  };
  const { url } = await serve(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://switch");
    state.requests.push(pathname);
    state.onRequest?.(pathname, state.requests.filter((path) => path === pathname).length);
    const body = await text(request);
    const fault = state.faults.get(pathname);
    if (fault === "hang") return;
    const answer = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (fault !== undefined) return answer(fault, {});
    if (pathname === "/state" && !state.tellsAnybody && !Object.values(TOKENS).includes(bearer(request)))
      return answer(401, {});
    if (pathname === "/state") return answer(200, { stopped: stops.has(searchParams.get("scope") ?? "") });
    if (pathname === "/log")
      return answer(200, {
        entries: (state as { newestFirst?: boolean }).newestFirst ? [...state.log].reverse() : state.log,
      });
    if (pathname === "/received") return answer(200, { alerts: state.alerts });
    const asked = searchParams.get("q") ?? "";
    const hits = state.alerts.filter((alert) => alert.includes(asked));
    if (pathname === "/search") return answer(200, { query: asked, self: request.url, hits });
    if (pathname === "/nowhere") return answer(404, { error: `nothing at ${request.url}` });
    const status = mayOrder(request);
    if (status !== 200) return answer(status, {});
    const { scope, reason, by } = JSON.parse(body) as Record<"scope" | "reason" | "by", string>;
    const action = pathname === "/stop" ? "stop" : "resume";
    const entry: Entry = { at: new Date().toISOString(), by, reason, scope, action };
    take(entry);
    state.onOrder?.(entry);
    return answer(200, { ok: true });
  });
  state.url = url;
  return state;
}
