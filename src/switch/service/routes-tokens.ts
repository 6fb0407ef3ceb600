import type { Hono } from "hono";
import type { App } from "./app.ts";
import { bodyOf, tokenBody } from "./bodies.ts";
import { mustHave } from "./caller.ts";
import type { Tokens } from "./tokens.ts";

/** Tokens, for admins. A token is said once, in the answer that makes it. */
export function tokenRoutes(app: Hono<App>, { tokens }: { tokens: Tokens }): void {
  app.use("/v1/tokens/*", async ({ var: { caller } }, next) => {
    mustHave(caller, "admin", "managing tokens");
    await next();
  });
  app.get("/v1/tokens", ({ json }) => json({ tokens: tokens.list() }));
  app.post("/v1/tokens", async ({ req, json, var: { caller } }) => {
    const { body } = await bodyOf(req.raw, tokenBody);
    return json(tokens.add(body, caller), 201);
  });
  app.delete("/v1/tokens/:name", ({ req, json, var: { caller } }) =>
    json({ revoked: tokens.revoke(req.param("name"), caller).name }),
  );
}
