import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { main } from "../../src/commands/main.ts";
import type { ExitCode } from "../../src/audit/report.ts";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { type KeptSurroundings, surroundingsOf } from "./support.ts";

/** The commands on a switch, run as the program runs them, against a real one. */

export interface Ran {
  status: ExitCode;
  stdout: string;
  stderr: string;
}

/** Runs a command line on a switch, signed in with a token; in a folder without a configuration unless told otherwise. */
export async function runOn(
  it: Pick<RunningSwitch, "url">,
  token: string,
  argv: readonly string[],
  overrides: Partial<KeptSurroundings> = {},
): Promise<Ran> {
  const env = { CLAWPROOF_SWITCH_URL: it.url, CLAWPROOF_TOKEN: token };
  const surroundings = surroundingsOf([...argv], { env, ...overrides });
  const status = await main(surroundings);
  return { status, stdout: surroundings.stdout.text, stderr: surroundings.stderr.text };
}

/** An instance of an agent that tells the switch what it has applied. */
export class Reporter {
  readonly #it: RunningSwitch;
  readonly #token: string;
  readonly #agent: string;
  readonly #instance: string;
  readonly #version: string;

  constructor(it: RunningSwitch, token: string, agent: string, instance: string, version = "2.4.1") {
    this.#it = it;
    this.#token = token;
    this.#agent = agent;
    this.#instance = instance;
    this.#version = version;
  }

  /** Reports the newest epoch as applied; with work that still runs where it is given. */
  async obeys(running: Record<string, number> = {}): Promise<void> {
    const { series, epoch } = this.#it.service.killSwitch.standing;
    await this.says(series, epoch, running);
  }

  async says(series: string, epoch: number, running: Record<string, number> = {}): Promise<void> {
    const body = { instance: this.#instance, agent: this.#agent, version: this.#version, series, epoch, running };
    const { status, body: answered } = await this.#it.call("/v1/report", { token: this.#token, body });
    if (status !== 204) throw new Error(answered.error ?? String(status));
  }
}

/** A gateway before a switch, so that another can take its place, or an answer can be lost on its way. */
export async function gatewayTo(
  urlFor: (request: IncomingMessage) => string,
  answer: (from: { status: number; text: string }, response: ServerResponse, request: IncomingMessage) => unknown = (
    { status, text },
    response,
  ) => response.writeHead(status, { "content-type": "application/json" }).end(text),
): Promise<{ url: string; close: () => void }> {
  const gateway = createServer((request, response) => {
    void forward(urlFor(request), request).then((from) => answer(from, response, request));
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  return { url: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, close: () => gateway.close() };
}

/** Sends a request on, and reads the whole answer. */
export async function forward(url: string, request: IncomingMessage): Promise<{ status: number; text: string }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const { connection: _own, "content-length": _length, ...headers } = request.headers as Record<string, string>;
  const body = request.method === "GET" ? null : Buffer.concat(chunks);
  const answer = await fetch(`${url}${request.url ?? ""}`, {
    method: request.method ?? "GET",
    headers: { ...headers, host: new URL(url).host },
    body,
  });
  return { status: answer.status, text: await answer.text() };
}

/** Instances of one agent, all of which have reported once, and obey every order from now on if they are told to. */
export async function reporters(it: RunningSwitch, agent: string, names: readonly string[]): Promise<Reporter[]> {
  const token = it.tokenFor(agent, ["agent"], agent);
  const all = names.map((name) => new Reporter(it, token, agent, name));
  await Promise.all(all.map((one) => one.obeys()));
  return all;
}

/** From now on these apply every order as soon as it is in force. */
export function obedient(it: RunningSwitch, instances: readonly Reporter[]): void {
  it.service.killSwitch.onOrder(() => {
    setImmediate(() => {
      for (const one of instances) void one.obeys();
    });
  });
}

/** The orders in force, in short. */
export const inForce = (it: RunningSwitch): string[] =>
  it.service.killSwitch.standing.orders.map(({ scope, mode, reason }) => `${scope} ${mode}: ${reason}`);

/** A switch with two instances of `support` that obey at once. */
export async function worldOf(): Promise<RunningSwitch> {
  const it = await startSwitch();
  obedient(it, await reporters(it, "support", ["web-1", "web-2"]));
  return it;
}
