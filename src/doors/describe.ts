import { publicUrl, publicWord } from "../config/redaction.ts";
import { mask } from "../config/template.ts";
import type { Call, CallContext } from "./door.ts";

/**
 * A call as evidence names it: `POST http://127.0.0.1:4200/stop`, `node kill.mjs`; without user, password, query and
 * secrets. It looks nothing up, so it works where a secret is missing.
 */
export async function describeCall(call: Call, context: CallContext): Promise<string> {
  if ("url" in call) {
    const hasBody = call.json !== undefined || call.body !== undefined;
    return `${call.method ?? (hasBody ? "POST" : "GET")} ${await describeUrl(call.url, context)}`;
  }
  const words = await Promise.all(call.command.map((word) => mask(word, context)));
  return context.secrets.redact(words.map(publicWord).join(" "));
}

/** A URL from clawproof.yaml as evidence names it, relative ones made whole. */
export async function describeUrl(url: string, context: CallContext): Promise<string> {
  const shown = await mask(url, context, "url");
  const base = context.base === undefined ? "" : await mask(context.base, context, "url");
  return context.secrets.redact(publicUrl(absolute(shown, base)));
}

const IS_ABSOLUTE = /^(?:[a-z][a-z0-9+.-]*:\/\/|\$\{)/i;

/** URL itself refuses `${NAME}` in a host, or writes it small, and encodes it in a path: all the same it is to be shown. */
function absolute(url: string, base: string): string {
  if (IS_ABSOLUTE.test(url) || base === "") return url;
  if (!/^[^/]*:\/\/[^/?#]*\$\{/.test(base) && URL.canParse(url, base)) {
    return new URL(url, base).href.replace(/\$%7B([A-Za-z0-9_]+)%7D/g, "${$1}");
  }
  const [origin = base] = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*/i.exec(base) ?? [];
  return `${origin}/${url.replace(/^\/+/, "")}`;
}
