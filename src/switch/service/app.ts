import { type Context, Hono } from "hono";
import { type RouteTest, testRoutes } from "../../alerts/test-routes.ts";
import type { News } from "../../alerts/news.ts";
import type { AlertRoute } from "../../alerts/route.ts";
import type { CallContext } from "../../doors/door.ts";
import type { Answers } from "./answers.ts";
import type { Attempts } from "./attempts.ts";
import { LARGEST_BODY, TooLarge } from "./bodies.ts";
import { type Caller, hasRole, Refused } from "./caller.ts";
import { type Gate, TooMany } from "./gate.ts";
import { metricsText } from "./metrics.ts";
import { ofrepRoutes } from "./ofrep.ts";
import { pageRoutes } from "./page.ts";
import type { Sessions } from "./page/sessions.ts";
import { orderRoutes } from "./routes-orders.ts";
import { readingRoutes } from "./routes-reading.ts";
import { tokenRoutes } from "./routes-tokens.ts";
import { NotDurable } from "./store.ts";
import type { Switch } from "./switch.ts";
import type { Tokens } from "./tokens.ts";

/** What the listener knows of a connection. */
export interface Connection {
  /** Address of the client. */
  address: string;
}

export interface App {
  Bindings: Connection;
  Variables: { caller: Caller };
}

export interface AppDeps {
  name: string;
  killSwitch: Switch;
  tokens: Tokens;
  answers: Answers;
  attempts: Attempts;
  gate: Gate;
  sessions: Sessions;
  alerts: {
    routes: readonly AlertRoute[];
    context: CallContext;
    pending(): number;
    testNews(by: string): News;
  };
  streams(): number;
  /** Told of mistakes of ours, for the operator's log. */
  mistake(error: unknown): void;
}

/** The service as a function from request to response; the event streams alone lie below it, at the listener. */
export function createApp(deps: AppDeps): Hono<App> {
  const { name, killSwitch, tokens, attempts, gate, sessions, alerts } = deps;
  const app = new Hono<App>();

  // For whoever asks, under any name: it says nothing else.
  app.get("/healthz", ({ json }) => json({ ok: true, durable: killSwitch.durable }));

  app.use(async (context, next) => {
    gate.checkOrigin(context.req.raw);
    await next();
    guardHeaders(context);
  });
  app.use(async (context, next) => {
    if (Number(context.req.header("content-length") ?? 0) > LARGEST_BODY) throw new TooLarge();
    await next();
  });

  app.get("/metrics", ({ req, env, text }) => {
    const counted = { killSwitch, streams: deps.streams(), alertsPending: alerts.pending() };
    const signsIn = req.header("authorization") !== undefined;
    const named = signsIn && hasRole(gate.admit(req.raw, env.address), "read");
    return text(metricsText(counted, named), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });

  const addresses = new WeakMap<Request, string>();
  app.use("/session", async ({ req, env }, next) => {
    addresses.set(req.raw, env.address);
    await next();
  });
  app.route(
    "/",
    pageRoutes({
      signIn: (token, address) => {
        try {
          const { id, name, roles } = gate.signIn(token, address);
          return { ok: true, tokenId: id, name, roles };
        } catch (error) {
          if (error instanceof TooMany) return { ok: false, status: 429, retryAfterSeconds: error.retryAfterSeconds };
          if (error instanceof Refused) return { ok: false, status: 401 };
          throw error;
        }
      },
      sessions,
      address: (request) => addresses.get(request) ?? "",
      isOwnOrigin: (request) => gate.isOwnOrigin(request),
      serviceName: name,
    }),
  );

  const signedIn = async (context: Context<App>, next: () => Promise<void>): Promise<void> => {
    context.set("caller", gate.admit(context.req.raw, context.env.address));
    await next();
  };
  app.use("/v1/*", signedIn);
  app.use("/ofrep/*", signedIn);
  orderRoutes(app, deps);
  readingRoutes(app, { killSwitch, name });
  tokenRoutes(app, { tokens });
  ofrepRoutes(app, { killSwitch });
  app.post("/v1/alerts/test", async ({ json, var: { caller } }) => {
    if (!(["admin", "kill", "release"] as const).some((role) => hasRole(caller, role))) {
      throw new Refused(
        403,
        `testing alerts needs the role admin, kill or release, which ${caller.name} does not have`,
      );
    }
    const news = alerts.testNews(caller.name);
    const outcomes = await testRoutes(alerts.routes, alerts.context, news);
    return json({ outcomes: outcomes.map((tested) => noteTested(tested, caller)) });
  });

  app.notFound((context) => context.json({ error: `there is no ${context.req.method} ${context.req.path}` }, 404));
  app.onError((error, context) => {
    guardHeaders(context);
    if (error instanceof NotDurable) {
      return context.json(
        { error: "it could not be written to disk, so nothing was changed: make room, then try again" },
        507,
      );
    }
    if (!(error instanceof Refused)) {
      deps.mistake(error);
      return context.json({ error: "the service made a mistake; its own log says more" }, 500);
    }
    if (error.status === 403) noteRefused(context, error);
    if (error instanceof TooMany) context.header("Retry-After", String(error.retryAfterSeconds));
    return context.json({ error: error.message }, error.status);
  });
  return app;

  /** The outcome has happened, whether or not it can be logged. */
  function noteTested(tested: RouteTest, { name: by, from }: Caller): RouteTest {
    const { route, outcome, words } = tested;
    try {
      killSwitch.note({ kind: "alert", by, from, route, outcome, reason: words, test: true });
      return tested;
    } catch (error) {
      if (!(error instanceof NotDurable)) throw error;
      return { ...tested, words: `${words}; not in the switch's log, which could not be written to disk: make room` };
    }
  }

  /** Only what somebody signed in was not allowed: strangers are counted where they fail to sign in. */
  function noteRefused(context: Context<App>, { message: why, scope }: Refused): void {
    const caller = context.get("caller") as Caller | undefined;
    if (caller === undefined) return;
    const doing = `${context.req.method} ${context.req.path}`;
    attempts.refused({ tokenId: caller.tokenId, by: caller.name, from: caller.from, doing, why, scope });
  }
}

/** Nobody guesses what an answer is, and nobody keeps one that does not say how long it holds. */
function guardHeaders({ res, header }: Context<App>): void {
  header("x-content-type-options", "nosniff");
  if (!res.headers.has("cache-control")) header("cache-control", "no-store");
}
