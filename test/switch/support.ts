import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecrets } from "../../src/config/secret-store.ts";
import type { AlertRoute } from "../../src/alerts/route.ts";
import type { Role } from "../../src/switch/protocol/roles.ts";
import type { OpenDataFile } from "../../src/switch/service/data-file.ts";
import { listen, type Listening } from "../../src/switch/service/listener.ts";
import { openService, type Service } from "../../src/switch/service/service.ts";
import type { Clock } from "../../src/values/clock.ts";
import { afterThisFile } from "../support/ending.ts";

export interface StartOptions {
  /** An earlier one's, to start again on it. */
  dataFile?: string;
  leaseMs?: number;
  alerts?: readonly AlertRoute[];
  env?: Record<string, string>;
  publicUrl?: string;
  name?: string;
  clock?: Clock;
  dataFileOptions?: OpenDataFile;
  /** With it, the operator's token of an earlier start. */
  admin?: string;
  behindProxy?: readonly string[];
}

export interface RunningSwitch {
  url: string;
  /** May do everything: admin, kill, release. */
  admin: string;
  dataFile: string;
  service: Service;
  /** Lines of the operator's log. */
  logged: { event: string; [more: string]: unknown }[];
  tokenFor(name: string, roles: readonly Role[], agent?: string): string;
  /** Sends JSON; the answer's status and body. */
  call(path: string, options?: CallOptions): Promise<Answered>;
  close(): Promise<void>;
}

export interface CallOptions {
  token?: string | null;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answered {
  status: number;
  headers: Headers;
  // Whatever was answered: tests say what they expect of it.
  body: Record<string, unknown> & { error?: string };
}

/** A folder of its own that is gone after the tests. */
export async function folderForSwitch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-switch-"));
  afterThisFile(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A kill switch service on a free port, on a real data file; closed after the tests. */
export async function startSwitch(options: StartOptions = {}): Promise<RunningSwitch> {
  const dataFile = options.dataFile ?? join(await folderForSwitch(), "switch.db");
  const env = options.env ?? {};
  const secrets = createSecrets({
    config: {},
    directory: tmpdir(),
    env,
    named: Object.keys(env),
    readCommand: neverAsked,
  });
  const logged: RunningSwitch["logged"] = [];
  const service = await openService({
    name: options.name ?? "test switch",
    dataFile,
    leaseMs: options.leaseMs ?? 15_000,
    alerts: options.alerts ?? [],
    context: { secrets, placeholders: {}, http: {}, directory: tmpdir(), env },
    publicUrl: options.publicUrl ?? null,
    host: "127.0.0.1",
    log: (event, more) => void logged.push({ event, ...more }),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.dataFileOptions ? { dataFileOptions: options.dataFileOptions } : {}),
  });
  const listening: Listening = await listen(service, {
    listen: { host: "127.0.0.1", port: 0 },
    tls: null,
    behindProxy: options.behindProxy ?? [],
  });
  const admin = service.operatorToken ?? options.admin ?? "";
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      service.events.close();
      await listening.close();
      await service.close();
    })());
  afterThisFile(close);
  return {
    url: listening.url,
    admin,
    dataFile,
    service,
    logged,
    tokenFor: (name, roles, agent) => service.tokens.add({ name, roles, agent }, null).token,
    call: (path, { token = admin, body, method = body === undefined ? "GET" : "POST", headers = {} } = {}) =>
      send(
        `${listening.url}${path}`,
        method,
        {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body,
      ),
    close,
  };
}

async function send(url: string, method: string, headers: Record<string, string>, body: unknown): Promise<Answered> {
  const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, { method, headers, body: text });
  const answered = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  const parsed = isJson ? (JSON.parse(answered) as Answered["body"]) : { text: answered };
  return { status: response.status, headers: response.headers, body: parsed };
}

function neverAsked(): Promise<string> {
  throw new Error("no secret comes from a command here");
}
