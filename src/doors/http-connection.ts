import type { Dispatcher } from "undici";
import { fill } from "../config/template.ts";
import { isLoopback } from "./address.ts";
import { trustFor, type Trust } from "./certificates.ts";
import type { CallContext } from "./door.ts";
import { Unsendable } from "./http-request.ts";

/** A connection for one request: a kept one may be dead by then, and its reset would look like an agent that is gone. */
export interface Connection {
  dispatcher: Dispatcher;
  /** `HOST:PORT` of the proxy on the way; null where there is none. */
  proxy: string | null;
  /** Whether it stands: until then a failure is one of connecting. */
  connected(): boolean;
}

/** Makes ready to connect to the origin of `url`; the caller destroys the dispatcher. Throws MissingSecret, Unfilled or Unsendable. */
export async function openConnection(url: URL, context: CallContext, limitMs: number): Promise<Connection> {
  const trust = await trustFor(context);
  const proxy = await proxyFor(url, context);
  return proxy === null ? direct(url, trust, limitMs) : through(proxy, trust, limitMs);
}

async function direct(url: URL, trust: Trust, limitMs: number): Promise<Connection> {
  const { Client, buildConnector } = await import("undici");
  const connect = buildConnector({ ...trust, timeout: limitMs });
  let stands = false;
  const dispatcher = new Client(url.origin, {
    headersTimeout: limitMs,
    bodyTimeout: limitMs,
    connect(options, callback) {
      connect(options, (...outcome) => {
        stands = outcome[0] === null;
        callback(...outcome);
      });
    },
  });
  return { dispatcher, proxy: null, connected: () => stands };
}

async function through(proxy: URL, trust: Trust, limitMs: number): Promise<Connection> {
  const { ProxyAgent } = await import("undici");
  const dispatcher = new ProxyAgent({
    uri: proxy.href,
    headersTimeout: limitMs,
    bodyTimeout: limitMs,
    // Plain HTTP goes without a tunnel: proxies commonly forbid CONNECT to port 80.
    proxyTunnel: false,
    proxyTls: { ...trust, timeout: limitMs },
    requestTls: { ...trust, timeout: limitMs },
  });
  return { dispatcher, proxy: proxy.host, connected: () => true };
}

async function proxyFor(url: URL, { http, env, ...filling }: CallContext): Promise<URL | null> {
  if (isLoopback(url.hostname) || isExcepted(url, variable("NO_PROXY", env))) return null;
  const named = http.proxy === undefined ? undefined : await fill(http.proxy, filling, "url");
  const proxy = named ?? variable(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY", env);
  if (proxy === "") return null;
  const address = proxy.includes("://") ? proxy : `http://${proxy}`;
  if (!/^https?:/i.test(address) || !URL.canParse(address))
    throw new Unsendable("the proxy is not an http or https URL");
  return new URL(address);
}

/** Like curl: the lower-case spelling wins. */
function variable(name: string, env: CallContext["env"]): string {
  return env?.[name.toLowerCase()] ?? env?.[name] ?? "";
}

/** Like curl: `*`, or names that cover their subdomains, each with an optional port. */
function isExcepted(url: URL, noProxy: string): boolean {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const host = url.hostname.toLowerCase();
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      const [, name = "", onPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      const bare = name.replace(/^\*?\./, "");
      if (onPort !== undefined && onPort !== port) return false;
      return bare === "*" || host === bare || host.endsWith(`.${bare}`);
    });
}
