import { MissingSecret } from "../config/secrets.ts";
import { fill, Unfilled } from "../config/template.ts";
import { CallFailed, type CallContext, type HttpAnswer } from "../doors/door.ts";
import { sendHttp } from "../doors/http.ts";
import { failed, type Outcome } from "./outcome.ts";

/** From the name's look-up to the last byte; a limit that the context has may be shorter. */
const LIMIT_MS = 10_000;
/** Named as answers, so that no redirect is followed. */
const REDIRECTS = [300, 301, 302, 303, 307, 308];

/** A message to be posted; `url` still holds its `${…}`, `body` and `headers` are sent as they are. */
export interface Message {
  url: string;
  headers?: Record<string, string>;
  body: string;
}

/** Posts JSON; where no answer came, the outcome that this is. */
export async function post({ url, headers, body }: Message, context: CallContext): Promise<HttpAnswer | Outcome> {
  const literal = Object.entries(headers ?? {}).map(([name, value]) => [name, verbatim(value)]);
  try {
    return await sendHttp(
      {
        url,
        method: "POST",
        headers: { "content-type": "application/json", ...Object.fromEntries(literal) } as Record<string, string>,
        body: verbatim(body),
        timeout: Math.min(LIMIT_MS, context.timeoutMs ?? LIMIT_MS),
        refused: [{ status: REDIRECTS }],
      },
      context,
    );
  } catch (error) {
    if (error instanceof CallFailed) return failed(error.why);
    throw error;
  }
}

/** A reason may hold `${ADMIN_TOKEN}`, and must not be filled in with it. */
function verbatim(text: string): string {
  return text.replaceAll("${", () => "$${");
}

/** A value of a route with its `${…}` filled in, or the outcome that it cannot be. */
export async function filled(template: string, context: CallContext): Promise<string | Outcome> {
  try {
    return await fill(template, context);
  } catch (error) {
    if (error instanceof MissingSecret || error instanceof Unfilled)
      return failed(context.secrets.redact(error.message));
    throw error;
  }
}
