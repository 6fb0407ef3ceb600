import type { CallVariation, CommandCall, HttpCall } from "../config/call.ts";
import { systemClock } from "../values/clock.ts";
import { sendCommand } from "./command.ts";
import { CallFailed, type Answer, type Call, type CallContext, type Send } from "./door.ts";
import { isOfCommands, isOfRequests } from "./expectation.ts";
import { sendHttp } from "./http.ts";

export { describeCall } from "./describe.ts";

/** Sends a request or runs a command, whichever the call is. Throws CallFailed. */
export const send: Send = (call, context) => ("url" in call ? sendHttp(call, context) : sendCommand(call, context));

/** Sends `base` as `variation` changes it: as somebody else, mostly. Throws CallFailed. */
export async function sendAs(variation: CallVariation, base: Call, context: CallContext): Promise<Answer> {
  const call = varied(variation, base);
  if ("url" in call || "command" in call) return send(call, context);
  const now = systemClock.monotonic();
  throw new CallFailed("other", call.why, now, now);
}

/**
 * A call with what a variation names instead; of headers only those that it names, so that one credential replaces the
 * other. `why` where the two do not fit: headers laid over a command would send it as ourselves.
 */
export function varied(variation: CallVariation, base: Call): Call | { why: string } {
  if (variation.command !== undefined) return variedCommand({ command: variation.command }, variation);
  if ("url" in base) return variedRequest(base, variation);
  if (variation.url !== undefined) return variedRequest({ url: variation.url }, variation);
  const ofRequests = (["method", "headers", "json", "body", "token"] as const).find(
    (field) => variation[field] !== undefined,
  );
  return ofRequests === undefined
    ? variedCommand(base, variation)
    : { why: `\`${ofRequests}\` cannot vary a command; name a \`command\` or a \`url\`` };
}

function variedCommand(base: CommandCall, { timeout, expect }: CallVariation): CommandCall | { why: string } {
  if (expect !== undefined && !isOfCommands(expect))
    return { why: "`expect` describes a request, and this is a command" };
  return { ...base, ...defined({ timeout, expect }) };
}

function variedRequest(base: HttpCall, variation: CallVariation): HttpCall | { why: string } {
  const { url, method, json, body, timeout, expect } = variation;
  if (expect !== undefined && !isOfRequests(expect))
    return { why: "`expect` describes a command, and this is a request" };
  const { json: baseJson, body: baseBody, ...rest } = base;
  const isNewBody = json !== undefined || body !== undefined;
  return {
    ...rest,
    ...defined(isNewBody ? { json, body } : { json: baseJson, body: baseBody }),
    ...defined({ url, method, timeout, expect }),
    headers: { ...lowerCased(base.headers), ...bearer(variation.token), ...lowerCased(variation.headers) },
  };
}

/** `Authorization` and `authorization` are one header. */
function lowerCased(headers: HttpCall["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the members that are undefined, which would hide those they are laid over. */
function defined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}
