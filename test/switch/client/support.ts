import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { SwitchClient, type SwitchClientOptions } from "../../../src/switch/client/client.ts";
import type { SwitchNotice } from "../../../src/switch/client/notice.ts";
import type { FleetAnswer } from "../../../src/switch/protocol/messages.ts";
import type { Order } from "../../../src/switch/protocol/order.ts";
import { modeIn } from "../../../src/switch/protocol/view.ts";
import type { RunningSwitch } from "../support.ts";

export interface Followed {
  client: SwitchClient;
  notices: SwitchNotice[];
  running: Record<string, number>;
  /** Resolves as soon as it holds; looked at whenever the client has something new, and often in between. */
  until(what: () => boolean): Promise<void>;
}

/** A client of `support` that follows the switch until the test has ended. */
export function followSwitch(
  options: Pick<SwitchClientOptions, "urls" | "token"> & Partial<SwitchClientOptions>,
): Followed {
  const notices: SwitchNotice[] = [];
  const running: Record<string, number> = {};
  const client = new SwitchClient({
    agent: "support",
    instance: "pod-1",
    leaseMs: 15_000,
    running: () => running,
    notice: (notice) => void notices.push(notice),
    ...options,
  });
  onTestFinished(() => client.close());
  client.start();
  return { client, notices, running, until };
}

export function agentToken(running: RunningSwitch): string {
  return running.tokenFor("support-agent", ["agent"], "support");
}

export function holds({ lease }: SwitchClient): boolean {
  return performance.now() < lease.monotonicUntil && Date.now() < lease.wallUntil;
}

export function modeOf({ view }: SwitchClient): string | null {
  return modeIn(view, { agent: "support" });
}

export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function fleetOf(running: RunningSwitch): Promise<FleetAnswer["instances"]> {
  const { body } = await running.call("/v1/fleet");
  return (body as unknown as FleetAnswer).instances;
}

export interface Proxy {
  url: string;
  /** Paths in the order they were asked for. */
  asked: string[];
}

/** Stands between a client and the switch; answers itself where `answer` does. */
export async function proxyBefore(
  target: () => string,
  answer: (incoming: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Promise<Proxy> {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    asked.push(incoming.url ?? "");
    if (answer(incoming, response)) return;
    const { method, headers, url } = incoming;
    const onward = request(`${target()}${url ?? ""}`, { method, headers }, (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.on("error", () => response.destroy());
      answered.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

export function orderOf(epoch: number, scope = "support"): Order {
  const at = "2026-03-01T12:00:00.000Z";
  return { epoch, scope, mode: "stopped", cause: "person", by: "kim", reason: "test", at };
}

export function keyOf({ epoch, scope }: Order): string {
  return `${epoch} ${scope}`;
}
