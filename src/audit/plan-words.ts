import type { Call, Source } from "../config/call.ts";
import { publicUrl, publicWord } from "../config/redaction.ts";

/** How a plan names what it would open, send or run: unfilled, so that no secret can stand in it. */

/** `POST http://127.0.0.1:4200/stop`, or `run node stop.mjs`. */
export function callText(call: Call, base?: string): string {
  if ("command" in call) return commandText(call.command);
  const hasBody = call.json !== undefined || call.body !== undefined;
  return `${call.method ?? (hasBody ? "POST" : "GET")} ${urlText(call.url, base)}`;
}

/** `agent/settings.yaml`, `GET http://…`, `run …`, or `text in clawproof.yaml`. */
export function sourceText(source: Source, base?: string): string {
  if (typeof source === "string") return `file ${source}`;
  if ("file" in source) return `file ${source.file}`;
  if ("text" in source) return "text in the configuration itself";
  return "url" in source ? `GET ${urlText(source.url, base)}` : commandText(source.command);
}

/** `run node stop.mjs ${scope}`. */
export function commandText(argv: readonly string[]): string {
  return `run ${argv.map(publicWord).join(" ")}`;
}

/** Where a call goes: `stop.example.net`, or the program that is run. */
export function placeText(call: Call, environment: string | null, base?: string): string {
  if ("command" in call) return call.command[0] ?? "";
  return hostText(urlText(call.url, base), environment);
}

/** Host and port of a URL; what cannot be known without secrets is left as it stands. */
export function hostText(url: string, environment: string | null): string {
  const filled = environment === null ? url : url.replaceAll("${environment}", environment);
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(publicUrl(filled))?.[1] ?? publicUrl(filled);
}

function urlText(url: string, base: string | undefined): string {
  const absolute = url.startsWith("/") && base !== undefined ? base.replace(/\/+$/, "") + url : url;
  return publicUrl(absolute);
}
