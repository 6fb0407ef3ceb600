import { execa, type Options } from "execa";
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { json } from "node:stream/consumers";
import { expect } from "vitest";
import { stringify } from "yaml";
import { afterThisFile } from "../support/ending.ts";

/** The built program, run as a process in a folder of its own, beside an agent and a switch that count what they are asked. */

export const BIN = resolve(import.meta.dirname, "../../bin/clawproof.js");

/** Values that must never be seen again; with signs that URLs and base64 spell differently. */
export const SWITCH_TOKEN = 'sw1tch+token/?&="<%';
export const AGENT_TOKEN = 'ag3nt+token/?&="<%';

/** Rehearsals take seconds by themselves, and a busy machine makes more of them. */
export const PATIENT = { timeout: 180_000 };

export interface Run {
  stdout: string;
  stderr: string;
  exitCode?: number | undefined;
}

/** Nothing of the machine's own environment but what finds programs: no CI, no colours, no tokens. */
export const ENV = { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), TZ: "UTC", LANG: "C.UTF-8" };

function settingsFor(cwd: string, env: Record<string, string> = {}) {
  return {
    cwd,
    env: { ...ENV, SWITCH_TOKEN, AGENT_TOKEN, ...env },
    extendEnv: false,
    reject: false,
    stdin: "ignore",
    stripFinalNewline: false,
  } as const satisfies Options;
}

/** Starts the program without waiting for its end. */
export function begin(cwd: string, args: readonly string[], env?: Record<string, string>) {
  return execa(process.execPath, [BIN, ...args], settingsFor(cwd, env));
}

/** Runs the program to its end. Whatever it says, a stack or a secret is never part of it. */
export async function run(cwd: string, args: readonly string[], env?: Record<string, string>): Promise<Run> {
  const ended = await begin(cwd, args, env);
  expectClean(ended);
  return ended;
}

/** Runs a line of bash in which `$CLAWPROOF` stands for the program. */
export async function runInShell(cwd: string, line: string, env?: Record<string, string>): Promise<Run> {
  return execa("bash", ["-c", line], settingsFor(cwd, { ...env, CLAWPROOF: `${process.execPath} ${BIN}` }));
}

export function expectClean({ stdout, stderr }: Pick<Run, "stdout" | "stderr">): void {
  expect(stderr).not.toMatch(/^\s+at .+:\d+/m);
  expect(stderr).not.toContain("unexpected");
  for (const secret of [SWITCH_TOKEN, AGENT_TOKEN]) expectWithout(stdout + stderr, secret);
}

/** No spelling of the secret stands in the text. */
export function expectWithout(text: string, secret: string): void {
  const spellings = [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("base64url"),
    Buffer.from(secret).toString("hex"),
    JSON.stringify(secret).slice(1, -1),
  ];
  for (const spelling of spellings) expect(text).not.toContain(spelling);
}

export type Files = Record<string, string | object>;

/** A folder of its own with these files; objects are written as YAML. It is gone after the tests. */
export async function folderWith(files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-e2e-"));
  afterThisFile(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), typeof content === "string" ? content : stringify(content));
  }
  return folder;
}

/** Listens on a free port of this machine until the tests have ended. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterThisFile(async () => {
    if ("closeAllConnections" in server) (server as ReturnType<typeof createServer>).closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An HTTP server with one answer for everything; its address without a path. */
export async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}`;
}

/** An address of this machine where nobody listens: `127.0.0.1:PORT`. */
export async function nobody(): Promise<string> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

export interface WorldOptions {
  /** The release is answered 500, with the token in the answer. */
  releaseFails?: boolean;
  /** The breaker opens, and cannot be closed. */
  closeFails?: boolean;
}

/** `POST /write` at the agent, `GET /state` at the switch. */
export interface Asked {
  at: "agent" | "switch";
  method: string;
  path: string;
}

/** An agent that obeys a switch, and what both were asked. */
export class World extends EventEmitter {
  readonly asked: Asked[] = [];
  readonly stopped = new Set<string>();
  readonly #log: object[] = [];
  breakerOpen = false;
  releaseFails: boolean;
  closeFails: boolean;
  agent = "";
  switch = "";

  constructor(options: WorldOptions) {
    super();
    this.releaseFails = options.releaseFails ?? false;
    this.closeFails = options.closeFails ?? false;
  }

  posts(): string[] {
    return this.asked.filter(({ method }) => method !== "GET").map(({ at, path }) => `${at} ${path}`);
  }

  answerAsAgent(request: IncomingMessage, response: ServerResponse, body: Body): void {
    const path = this.#noted("agent", request);
    if (path === "/breaker" && this.closeFails && body.state === "closed") {
      answer(response, 500, "stuck");
      return;
    }
    if (path === "/breaker") {
      this.breakerOpen = body.state === "open";
      this.emit(this.breakerOpen ? "opened" : "closed");
    }
    const refused = path === "/write" && (this.stopped.size > 0 || this.breakerOpen);
    answer(response, refused ? 503 : 200, refused ? "Paused; a colleague will write to you." : { ok: true });
  }

  answerAsSwitch(request: IncomingMessage, response: ServerResponse, body: Body): void {
    const path = this.#noted("switch", request);
    const { authorization } = request.headers;
    const signedIn = authorization === `Bearer ${SWITCH_TOKEN}`;
    if (path === "/log") answer(response, 200, { entries: this.#log });
    else if (path === "/state" && (signedIn || authorization === `Bearer ${AGENT_TOKEN}`)) {
      const scope = new URL(request.url ?? "", "http://localhost").searchParams.get("scope") ?? "";
      answer(response, 200, { stopped: this.stopped.has(scope) });
    } else if (!signedIn) answer(response, 403, { error: `not with ${authorization ?? "nothing"}` });
    else if (path === "/resume" && this.releaseFails) answer(response, 500, `no way, ${SWITCH_TOKEN}`);
    else this.#order(path, body, response);
  }

  #order(path: string, { scope = "", by = "", reason = "" }: Body, response: ServerResponse): void {
    this.#log.push({ at: new Date().toISOString(), by, reason, scope });
    if (path === "/stop") this.stopped.add(scope);
    else this.stopped.delete(scope);
    answer(response, 200, { ok: true });
    this.emit(path === "/stop" ? "pulled" : "released");
  }

  #noted(at: Asked["at"], { method = "", url = "" }: IncomingMessage): string {
    const path = url.replace(/\?.*/, "");
    this.asked.push({ at, method, path });
    return path;
  }
}

interface Body {
  scope?: string;
  by?: string;
  reason?: string;
  state?: string;
}

function answer(response: ServerResponse, status: number, body: string | object): void {
  response.statusCode = status;
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  if (request.method === "GET") return {};
  return (await json(request)) as Body;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  const serveAs = (respond: (...given: [IncomingMessage, ServerResponse, Body]) => void): Promise<string> =>
    serve((request, response) => {
      void bodyOf(request).then((body) => respond(request, response, body));
    });
  world.agent = await serveAs((...given) => world.answerAsAgent(...given));
  world.switch = await serveAs((...given) => world.answerAsSwitch(...given));
  return world;
}

/** The agent of a world, with probes. */
export function agentOf(world: Pick<World, "agent">) {
  return {
    name: "support",
    url: world.agent,
    credentials: ["AGENT_TOKEN"],
    actions: [{ type: "refund", effect: "write" }],
    probes: {
      read: { url: "/read" },
      write: { url: "/write", method: "POST", json: { note: "drill" }, refused: [{ status: 503 }] },
    },
  };
}

/** The switch of a world, without consent to pull it. */
export function switchOf(world: Pick<World, "switch">) {
  const headers = { authorization: "Bearer ${SWITCH_TOKEN}" };
  const order = { scope: "${scope}", by: "${activator}", reason: "${reason}" };
  return {
    credentials: ["SWITCH_TOKEN"],
    status: { url: `${world.switch}/state?scope=\${scope}`, headers, stopped: "/stopped" },
    activate: { url: `${world.switch}/stop`, method: "POST", headers, json: order },
    release: { url: `${world.switch}/resume`, method: "POST", headers, json: order },
    log: {
      url: `${world.switch}/log`,
      headers,
      entries: "/entries",
      fields: { at: "/at", by: "/by", reason: "/reason", scope: "/scope" },
    },
  };
}

/** The breaker of a world: settings that pass 05.3, and consent to open it where asked for. */
export function breakerOf(world: Pick<World, "agent">) {
  const call = (state: string) => ({ url: `${world.agent}/breaker`, method: "POST", json: { state } });
  return { settings: "breaker.yaml", rehearse: { scope: "whole", open: call("open"), close: call("closed") } };
}

const FIGURES = { errorRatePct: 15, anomalyRatePct: 10, volumeSpikeFactor: 3, window: "5m" };

/** The breaker's settings: read from a file, the first passes 05.3 and the second warns, without any server. */
export const BREAKER_FILES: Files = { "breaker.yaml": FIGURES, "loose.yaml": { ...FIGURES, errorRatePct: 30 } };

/** The lines of the checks: `[PASS] …`. */
export function checkLines(stdout: string): string[] {
  return stdout.split("\n").filter((line) => /^\[(PASS|WARN|FAIL|SKIP)\]/.test(line));
}

/** The day that many days from today, in UTC. */
export function dayFromNow(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** An agent with one action that can be undone; its own token is named, and so never shown. */
export const AGENT = { name: "support", credentials: ["AGENT_TOKEN"], actions: [{ type: "refund", effect: "write" }] };

/** Audits one check alone of a folder of its own; `line` is what it says. */
export async function judged(check: string, sections: object, files: Files = {}, env: Record<string, string> = {}) {
  const folder = await folderWith({ ...files, "clawproof.yaml": { version: 1, agent: AGENT, ...sections } });
  const { exitCode, stdout } = await run(folder, ["--check", check, "-v"], env);
  return { exitCode, line: stdout.split("\n")[2] ?? "", stdout };
}
