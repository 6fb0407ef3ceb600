import type { HttpCall } from "../config/call.ts";
import { fill, fillJson } from "../config/template.ts";
import type { CallContext } from "./door.ts";

/** A request with everything filled in; it holds secrets and is for sending only. */
export interface PreparedRequest {
  url: URL;
  method: NonNullable<HttpCall["method"]>;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string | null;
}

/** A call that cannot be sent as it is written; the message says why and holds no secret. */
export class Unsendable extends Error {
  override name = "Unsendable";
}

/** Fills a call in. Throws MissingSecret, Unfilled or Unsendable. */
export async function prepareRequest(call: HttpCall, context: CallContext): Promise<PreparedRequest> {
  const url = await absoluteUrl(call.url, context);
  const body = await bodyOf(call, context);
  const method = call.method ?? (body === null ? "GET" : "POST");
  const headers = await headersOf(call, context);
  if (call.json !== undefined) headers["content-type"] ??= "application/json";
  if (url.username !== "" || url.password !== "") headers["authorization"] ??= basicAuthorization(url);
  // Some gateways refuse requests that do not say who asks.
  headers["user-agent"] ??= "clawproof";
  return { url, method, headers, body };
}

async function absoluteUrl(written: string, context: CallContext): Promise<URL> {
  const filled = await fill(written, context, "url");
  // An address of its own needs nothing of agent.url: what that lacks stands in nobody else's way.
  const relativeTo = URL.canParse(filled) ? undefined : context.base;
  const base = relativeTo === undefined ? undefined : await fill(relativeTo, context, "url");
  const url = URL.canParse(filled, base) ? new URL(filled, base) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const relative = url === null && context.base === undefined && !/^[a-z][a-z0-9+.-]*:/i.test(filled);
  throw new Unsendable(relative ? "a relative URL, and agent.url is not given" : "not an http or https URL");
}

async function bodyOf(call: HttpCall, context: CallContext): Promise<string | null> {
  if (call.json !== undefined) return JSON.stringify(await fillJson(call.json, context));
  return call.body === undefined ? null : fill(call.body, context);
}

/** The context's headers win: without its own trace a probe could not be told from a person's request. */
async function headersOf(call: HttpCall, context: CallContext): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    headers[name.toLowerCase()] = await fill(value, context);
  }
  for (const [name, value] of Object.entries(context.headers ?? {})) headers[name.toLowerCase()] = value;
  return headers;
}

function basicAuthorization(url: URL): string {
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}
