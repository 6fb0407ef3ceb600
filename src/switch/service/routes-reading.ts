import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Hono } from "hono";
import { canonicalJson } from "../../values/canonical-json.ts";
import { sha256 } from "../../values/hash-chain.ts";
import type { App } from "./app.ts";
import { logQuery, valid } from "./bodies.ts";
import { hasRole, mustHave } from "./caller.ts";
import { scopeOf } from "./rules.ts";
import type { Switch } from "./switch.ts";

/** State, fleet and log. Reading creates nothing. */
export function readingRoutes(app: Hono<App>, { killSwitch, name }: { killSwitch: Switch; name: string }): void {
  app.get("/v1/state", (context) => {
    const scope = context.req.query("scope");
    const state = killSwitch.state();
    // `boot`: an order that a restart lost may have had the epoch of one that is in force now.
    const known = [state.series, state.epoch, state.leaseSeconds, state.boot, scope ?? ""].join(" ");
    const etag = `"${sha256(known).slice(0, 24)}"`;
    const headers = {
      etag,
      "cache-control": "no-cache",
      "clawproof-sent-at": String(state.sentAt),
      "clawproof-boot": state.boot,
    };
    const held = context.req.header("if-none-match")?.split(/\s*,\s*/) ?? [];
    if (held.some((one) => one === etag || one === `W/${etag}`)) return context.body(null, 304, headers);
    const more = scope === undefined ? {} : killSwitch.covering(scope);
    return context.json({ ...state, ...more }, 200, headers);
  });

  app.get("/v1/fleet", ({ req, json, var: { caller } }) => {
    mustHave(caller, "read", "reading the fleet");
    const scope = req.query("scope");
    const { standing, fleet } = killSwitch;
    const instances = fleet.instances(standing, scope === undefined ? null : scopeOf(scope));
    return json({ series: standing.series, epoch: standing.epoch, instances });
  });

  app.get("/v1/log", ({ req, json, var: { caller } }) => {
    mustHave(caller, "read", "reading the log");
    const query = valid(req.query(), logQuery);
    const entries = killSwitch.store.log(query);
    return json({ series: killSwitch.standing.series, entries, last: killSwitch.store.head.seq });
  });

  const key = createPrivateKey(killSwitch.store.meta("signing-key") ?? "");
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
  const keyId = sha256(publicKey).slice(0, 16);
  app.get("/v1/log/head", ({ json, var: { caller } }) => {
    mustHave(caller, "read", "reading the log");
    // What the log holds: an order in force may not be written down yet.
    const { series, epoch } = killSwitch.store.standing();
    const checkpoint = { name, series, epoch, ...killSwitch.store.head, at: new Date().toISOString() };
    const signature = sign(null, Buffer.from(canonicalJson(checkpoint)), key).toString("base64");
    return json({ checkpoint, keyId, publicKey, signature });
  });

  app.get("/v1/whoami", ({ json, var: { caller } }) => {
    const roles = hasRole(caller, "read") ? [...new Set([...caller.roles, "read"])] : caller.roles;
    return json({ name: caller.name, roles, agent: caller.agent, service: name, series: killSwitch.standing.series });
  });
}
