import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, type ServerOptions } from "node:https";
import { type AddressInfo, BlockList, isIP, isIPv6 } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { ListenAddress } from "../../config/listening.ts";
import { Refused } from "./caller.ts";
import { TooMany } from "./gate.ts";
import type { Service } from "./service.ts";

const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** How often Node looks for those that are over; by itself every 30 s, so that ten would be forty. */
const LOOKED_EVERY_MS = 1_000;
/** After a restart every agent comes back at once. */
const MOST_WAITING = 4_096;
const GRACE_MS = 3_000;

export interface ListenOptions {
  listen: ListenAddress;
  /** Paths of PEM files. */
  tls: { cert: string; key: string } | null;
  /** Trusted proxies: only they may say whom they speak for, and only they may connect. */
  behindProxy: readonly string[];
  /** How long a connection may take to say what it wants, in milliseconds. */
  headersMs?: number;
}

export interface Listening {
  /** `http://HOST:PORT` */
  url: string;
  /** Ends streams at once, gives requests under way a moment. */
  close(): Promise<void>;
}

/** Where the service would be open to others; the message says what to do. */
export class NotListening extends Error {
  override name = "NotListening";
}

/** Throws NotListening where tokens would cross the network readable. */
export function checkListen({ listen: { host }, tls, behindProxy }: ListenOptions): void {
  if (isLoopback(host) || tls !== null || behindProxy.length > 0) return;
  throw new NotListening(
    `${host} can be reached from other machines, and tokens would cross the network readable: set switch.tls, or name the proxies that end TLS in switch.behindProxy`,
  );
}

/** Listens. Throws NotListening for a public address without TLS or trusted proxies, and for one that cannot be had. */
export async function listen(service: Service, options: ListenOptions): Promise<Listening> {
  const { host, port } = options.listen;
  checkListen(options);
  const answer = answerWith(service, trusted(options.behindProxy));
  const { headersMs = HEADERS_MS } = options;
  // Whoever opens connections and says nothing must not keep an order out for longer.
  const limits = {
    headersTimeout: headersMs,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: LOOKED_EVERY_MS,
  };
  const server: Server = options.tls
    ? await secureServer(options.tls, { ...limits, handshakeTimeout: headersMs }, answer)
    : createHttpServer(limits, answer);
  server.maxHeadersCount = 100;
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => reject(new NotListening(whyNot(error, options.listen)));
    server.once("error", refuse);
    server.listen({ port, host, backlog: MOST_WAITING }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
  const { address, port: taken } = server.address() as AddressInfo;
  const shown = isIPv6(address) ? `[${address}]` : address;
  return { url: `${options.tls ? "https" : "http"}://${shown}:${taken}`, close: () => close(server) };
}

function answerWith(service: Service, isTrusted: ((address: string) => boolean) | null) {
  const toApp = new WeakMap<IncomingMessage, string>();
  const listener = getRequestListener(
    (request, { incoming }) => service.app.fetch(request, { address: toApp.get(incoming as IncomingMessage) ?? "" }),
    { overrideGlobalObjects: false },
  );
  return (incoming: IncomingMessage, response: ServerResponse): void => {
    const remote = plain(incoming.socket.remoteAddress ?? "");
    if (isTrusted && !isTrusted(remote)) {
      refuse(response, 403, "only the proxies named in switch.behindProxy may connect");
      return;
    }
    const address = isTrusted ? clientOf(incoming, remote, isTrusted) : remote;
    if (incoming.method === "GET" && pathOf(incoming) === "/v1/events") {
      follow(service, incoming, response, address);
      return;
    }
    toApp.set(incoming, address);
    void listener(incoming, response);
  };
}

function follow(service: Service, incoming: IncomingMessage, response: ServerResponse, address: string): void {
  const get = (name: string): string | null => [incoming.headers[name]].flat()[0] ?? null;
  const headers = { get, has: (name: string) => get(name) !== null };
  try {
    // What stands in Host is checked before it is believed.
    const request = { method: "GET", url: "http://localhost/v1/events", headers };
    service.gate.checkOrigin(request);
    const caller = service.gate.admit(request, address);
    service.events.join(response, caller, () => service.gate.stillAdmits(request, caller));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error instanceof TooMany) response.setHeader("retry-after", error.retryAfterSeconds);
    refuse(response, error.status, error.message);
  }
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error }));
}

function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? url;
}

/** The nearest address that is no trusted proxy's. Beyond something unreadable stands what the client made up. */
function clientOf(incoming: IncomingMessage, remote: string, isTrusted: (address: string) => boolean): string {
  const forwarded = [incoming.headers["x-forwarded-for"]].flat().join(",").split(",");
  let nearest = remote;
  for (const one of forwarded.reverse()) {
    const address = plain(withoutPort(one.trim()));
    if (isIP(address) === 0) return nearest;
    nearest = address;
    if (!isTrusted(address)) return nearest;
  }
  return nearest;
}

/** Some proxies write `192.0.2.1:5151` and `[2001:db8::1]:5151`. */
function withoutPort(text: string): string {
  const [, bracketed, bare] = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? [];
  return bracketed ?? bare ?? text;
}

function trusted(ranges: readonly string[]): ((address: string) => boolean) | null {
  if (ranges.length === 0) return null;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** An IPv4 address that came in over IPv6 is written as IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

async function secureServer(
  tls: { cert: string; key: string },
  limits: ServerOptions,
  answer: RequestListener,
): Promise<Server> {
  const files = await pem(tls);
  try {
    return createHttpsServer({ ...files, ...limits }, answer);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NotListening(`${tls.cert} and ${tls.key} are no certificate and its key in PEM (${why})`, {
      cause: error,
    });
  }
}

async function pem({ cert, key }: { cert: string; key: string }) {
  const read = async (path: string): Promise<Buffer> => {
    try {
      return await readFile(path);
    } catch (error) {
      throw new NotListening(`${path} cannot be read`, { cause: error });
    }
  };
  return { cert: await read(cert), key: await read(key) };
}

function whyNot(error: NodeJS.ErrnoException, { host, port }: ListenAddress): string {
  if (error.code === "EADDRINUSE") return `${host}:${port} is in use by another program: choose another with --listen`;
  if (error.code === "EADDRNOTAVAIL") return `${host} is no address of this machine`;
  if (error.code === "EACCES") return `${host}:${port} needs rights that this process does not have`;
  return `${host}:${port} cannot be listened on: ${error.message}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
