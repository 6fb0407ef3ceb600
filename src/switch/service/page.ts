import { readFileSync } from "node:fs";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { etag } from "hono/etag";
import { textOf } from "./bodies.ts";
import type { Sessions } from "./page/sessions.ts";

/** The page `/`: static files, and the sessions of those who sign in to it. */

const DOCUMENT = "page.html";
const STYLES = ["page.css"];
const SCRIPTS = ["page.mjs", "page-dialog.mjs", "page-live.mjs", "page-view.mjs", "page-wire.mjs", "page-words.mjs"];

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export type SignIn =
  | { ok: true; tokenId: string; name: string; roles: string[] }
  | { ok: false; status: 401 | 429; retryAfterSeconds?: number };

export interface PageDeps {
  /** Looks a token up; failures are counted by the address they came from. */
  signIn: (token: string, address: string) => SignIn;
  sessions: Sessions;
  address: (request: Request) => string;
  /** Whether the request says that it comes from this page: its `Origin` is the service's own. */
  isOwnOrigin: (request: Request) => boolean;
  serviceName: string;
}

/** Reads the files once; throws where one is missing (an incomplete installation). The size of bodies is the app's to limit. */
export function pageRoutes({ signIn, sessions, address, isOwnOrigin, serviceName }: PageDeps): Hono {
  const app = new Hono();
  const documentFor = documentOf(serviceName);
  const cookieOf = (context: Context): string | undefined => context.req.header("cookie");

  app.get("/", (context) => {
    protect(context);
    context.header("Cache-Control", "no-store");
    return context.html(documentFor(sessions.tokenIdOf(cookieOf(context)) !== null));
  });

  for (const name of [...STYLES, ...SCRIPTS]) {
    const type = STYLES.includes(name) ? "text/css" : "text/javascript";
    const text = fileText(name);
    app.get(`/${name}`, etag(), (context) => {
      protect(context);
      context.header("Cache-Control", "no-cache");
      return context.body(text, 200, { "Content-Type": `${type}; charset=utf-8` });
    });
  }

  const fromOwnPage: MiddlewareHandler = async (context, next) => {
    protect(context);
    context.header("Cache-Control", "no-store");
    if (!isOwnOrigin(context.req.raw)) return refuse(context, 403, "open this service's own page to sign in or out");
    return next();
  };
  app.use("/session", fromOwnPage);

  app.post("/session", async (context) => {
    if (!/^application\/json\s*(;|$)/i.test(context.req.header("content-type") ?? ""))
      return refuse(context, 415, 'send {"token": "…"} with Content-Type: application/json');
    const token = tokenIn(await textOf(context.req.raw));
    if (token === null) return refuse(context, 400, 'send {"token": "…"}');
    const signed = signIn(token, address(context.req.raw));
    if (!signed.ok) return refuseSignIn(context, signed);
    if (signed.roles.every((role) => role === "agent"))
      return refuse(context, 403, "this token belongs to an agent; sign in with a person's token");
    sessions.end(cookieOf(context));
    context.header("Set-Cookie", sessions.open(signed.tokenId));
    return context.json({ name: signed.name, roles: signed.roles });
  });

  app.delete("/session", (context) => {
    context.header("Set-Cookie", sessions.end(cookieOf(context)));
    return context.body(null, 204);
  });

  return app;
}

function protect(context: Context): void {
  context.header("Content-Security-Policy", POLICY);
  context.header("X-Content-Type-Options", "nosniff");
  context.header("Referrer-Policy", "no-referrer");
  context.header("Cross-Origin-Opener-Policy", "same-origin");
  context.header("Cross-Origin-Resource-Policy", "same-origin");
}

function refuse(context: Context, status: 400 | 401 | 403 | 415 | 429, error: string): Response {
  return context.json({ error }, status);
}

function refuseSignIn(context: Context, { status, retryAfterSeconds }: Extract<SignIn, { ok: false }>): Response {
  if (status === 401) return refuse(context, status, "unknown, expired or revoked token");
  const wait = retryAfterSeconds ?? 60;
  context.header("Retry-After", String(wait));
  return refuse(context, status, `too many failed sign-ins; try again in ${wait} s`);
}

function tokenIn(text: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const token = typeof body === "object" && body !== null && "token" in body ? body.token : null;
  return typeof token === "string" && token.trim() !== "" ? token.trim() : null;
}

/** The document says whether somebody is signed in, so that it opens with the right half. */
function documentOf(serviceName: string): (signedIn: boolean) => string {
  const named = fileText(DOCUMENT).replaceAll("{{service}}", () => escapeHtml(serviceName));
  const [yes, no] = ["yes", "no"].map((answer) => named.replace("{{signedIn}}", answer));
  return (signedIn) => (signedIn ? yes : no) ?? named;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** In the sources and in the bundle alike the files lie in the folder `page` beside this one. */
function fileText(name: string): string {
  return readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8");
}
