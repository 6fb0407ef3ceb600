import { setTimeout as pause } from "node:timers/promises";
import type { ServerResponse } from "node:http";
import { serve } from "../../doors/servers.ts";

/** A small agent whose every answer a test decides, and which knows when it really refused first and accepted last. */

export type Decision =
  | "accept"
  | "refuse"
  /** A status that nothing describes. */
  | number
  | "hang"
  | "reset";

export interface Asked {
  /** Counts from 0. */
  number: number;
  instance: string;
  headers: Record<string, string | string[] | undefined>;
}

export interface TestAgent {
  url: string;
  write: (asked: Asked) => Decision;
  read: (asked: Asked) => Decision;
  /** Milliseconds before an answer. */
  latency: number;
  instances: string[];
  /** Monotonic; of the refusals that nothing accepted has followed. */
  refusedFirst: number | null;
  acceptedLast: number | null;
  writes: Asked[];
  reads: Asked[];
  /** What landed where writes land. */
  landed: number;
  breaker: "open" | "closed";
  /** Called when work is begun that writes about once a second. */
  onRun: ((seconds: number) => void) | null;
  end(): void;
}

export const FALLBACK = "Cancellations are paused.\nA colleague will write to you today.";

export async function startAgent(): Promise<TestAgent> {
  const agent: TestAgent = {
    url: "",
    write: () => "accept",
    read: () => "accept",
    latency: 0,
    instances: ["only"],
    refusedFirst: null,
    acceptedLast: null,
    writes: [],
    reads: [],
    landed: 0,
    breaker: "closed",
    onRun: null,
    end: () => undefined,
  };
  const { url, server } = await serve(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://agent");
    if (pathname === "/landed") return response.end(JSON.stringify({ count: agent.landed }));
    if (pathname === "/user") return response.writeHead(503).end(JSON.stringify({ message: FALLBACK }));
    if (pathname === "/run") {
      agent.onRun?.(Number(searchParams.get("seconds")));
      return response.writeHead(202).end();
    }
    if (pathname === "/breaker") {
      agent.breaker = searchParams.get("state") === "open" ? "open" : "closed";
      return response.end();
    }
    const isRead = pathname === "/read";
    const asked = isRead ? agent.reads : agent.writes;
    const instance = agent.instances[asked.length % agent.instances.length] ?? "only";
    const one: Asked = { number: asked.length, instance, headers: request.headers };
    asked.push(one);
    const decision = isRead ? agent.read(one) : agent.write(one);
    if (!isRead) note(agent, decision);
    if (agent.latency > 0) await pause(agent.latency);
    return answer(response, decision, instance);
  });
  agent.url = url;
  agent.end = () => {
    server.closeAllConnections();
    server.close();
  };
  return agent;
}

function note(agent: TestAgent, decision: Decision): void {
  if (decision === "accept") {
    agent.acceptedLast = performance.now();
    agent.refusedFirst = null;
    agent.landed += 1;
  } else agent.refusedFirst ??= performance.now();
}

function answer(response: ServerResponse, decision: Decision, instance: string): unknown {
  response.setHeader("x-pod", instance);
  if (decision === "hang") return undefined;
  if (decision === "reset") return response.destroy();
  if (decision === "accept") return response.end("{}");
  if (decision === "refuse") return response.writeHead(503).end(JSON.stringify({ message: FALLBACK }));
  return response.writeHead(decision).end("out of order");
}
