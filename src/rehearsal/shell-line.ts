import type { HttpCall } from "../config/call.ts";
import { MissingSecret, type Secrets } from "../config/secrets.ts";
import { fill, fillJson, requiredSecretsIn } from "../config/template.ts";
import type { Call, CallContext } from "../doors/door.ts";

/**
 * The line that a person types to make a call: for when we could not. Secrets stand as `$NAME`, everything else is quoted.
 * Throws Unfilled where the call asks for a placeholder that has no value.
 */
export async function shellLine(call: Call, context: CallContext): Promise<string> {
  const shown = { ...context, secrets: variablesFor(call, context) };
  const line = "url" in call ? await curlLine(call, shown) : await programLine(call, shown);
  return context.secrets.redact(line);
}

async function programLine(call: Extract<Call, { command: string[] }>, context: CallContext): Promise<string> {
  const argv = await Promise.all(call.command.map((word) => fill(word, context)));
  const input = call.stdin === undefined ? "" : `printf %s ${quoted(await fill(call.stdin, context))} | `;
  return `cd ${quoted(context.directory)} && ${input}${argv.map(quoted).join(" ")}`;
}

async function curlLine(call: HttpCall, context: CallContext): Promise<string> {
  const body = call.json === undefined ? call.body : JSON.stringify(await fillJson(call.json, context));
  const filledBody = call.json === undefined && body !== undefined ? await fill(body, context) : body;
  const words = ["curl", "-fsS", "-X", call.method ?? (body === undefined ? "GET" : "POST")];
  const names = Object.keys(call.headers ?? {}).map((name) => name.toLowerCase());
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    words.push("-H", quoted(`${name}: ${await fill(value, context)}`));
  }
  if (call.json !== undefined && !names.includes("content-type")) words.push("-H", "'content-type: application/json'");
  if (filledBody !== undefined) words.push("--data-raw", quoted(filledBody));
  if (context.http.ca !== undefined) words.push("--cacert", quoted(await fill(context.http.ca, context)));
  words.push(quoted(await urlOf(call, context)));
  return words.join(" ");
}

async function urlOf(call: HttpCall, context: CallContext): Promise<string> {
  const url = await fill(call.url, context, "url");
  if (/^([a-z][a-z0-9+.-]*:\/\/|~~)/i.test(url) || context.base === undefined) return url;
  return new URL(url, await fill(context.base, context, "url")).href;
}

/** `~` is encoded nowhere, neither in URLs nor in JSON. */
const VARIABLE = /~~([A-Z][A-Z0-9_]*)~~/;

/** Secrets that give their names instead of their values. */
function variablesFor(call: Call, { secrets, base, http }: CallContext): Secrets {
  const required = new Set(requiredSecretsIn([call, base, http]));
  return {
    async get(name) {
      // What nobody set and has a default is sent with the default, and shown with it.
      if (!required.has(name) && !(await secrets.has(name))) throw new MissingSecret(name);
      return `~~${name}~~`;
    },
    has: (name) => secrets.has(name),
    redact: (text) => secrets.redact(text),
  };
}

/** Quoted for a POSIX shell; `~~NAME~~` becomes the variable. */
function quoted(text: string): string {
  const parts = text.split(VARIABLE);
  if (parts.length === 1) return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
  const inside = parts.map((part, index) => (index % 2 === 1 ? variable(part, parts[index + 1]) : escaped(part)));
  return `"${inside.join("")}"`;
}

const escaped = (text: string): string => text.replace(/[\\"$`]/g, "\\$&");
const variable = (name: string, after = ""): string => (/^[A-Za-z0-9_]/.test(after) ? `\${${name}}` : `$${name}`);
