import type { HttpCall } from "./call.ts";
import type { ConfigPath } from "./project.ts";
import type { ForeignSwitch, WrittenOwnSwitch } from "./schema.ts";
import { secretsIn } from "./template.ts";

/**
 * `provider: clawproof`: a switch that is ours, in the shape of any other, so that whatever gathers, pulls and puts back
 * knows one kind alone. What only ours tells (who obeys, under which epoch) is told by `provider`.
 */
export interface OwnSwitch extends ForeignSwitch {
  provider: "clawproof";
  url: string;
  token: string;
  /** Every instance that the scope covers, and whether it obeys. */
  fleet: HttpCall;
}

/** How many orders of a scope the log is asked for; more lie further back than any rehearsal or drill that counts. */
const LAST_ORDERS = 1_000;

const ORDER = { scope: "${scope}", reason: "${reason}" };

/** An order of ours that stops writes alone: a drill has to see reads go on. */
export function stoppingWrites(activate: HttpCall): HttpCall {
  const { json } = activate;
  return { ...activate, json: { ...(typeof json === "object" ? json : ORDER), mode: "read-only" } };
}

/** A release of ours that carries the digest of what a drill measured. */
export function withEvidence(release: HttpCall, evidence: string): HttpCall {
  return { ...release, json: { ...ORDER, evidence } };
}

/**
 * The calls that url and token come to (contract, section 4). `known`: the text of a template as far as it can be known
 * before anything runs, else null.
 */
export function expandOwnSwitch(written: WrittenOwnSwitch, known: (template: string) => string | null): OwnSwitch {
  const { token, rehearse, ...rest } = written;
  const base = written.url.replace(/\/+$/, "");
  const headers = { authorization: `Bearer ${token}` };
  // `${SWITCH_URL}` may hold a slash of its own.
  const slash = known(base)?.endsWith("/") === true ? "" : "/";
  const to = (path: string): string => `${base}${slash}v1/${path}`;
  const activate: HttpCall = { url: to("kill"), method: "POST", headers, json: ORDER };
  // An order on real work stands until a person releases it; one of a drill ends by itself should we be gone.
  const twin = { ...activate, json: { ...ORDER, ttlSeconds: "${ttlSeconds}" } };
  const isDrill = rehearse?.scope?.startsWith("drill/") === true;
  return {
    ...rest,
    token,
    credentials: written.credentials ?? secretsIn(token),
    kind: written.restart ? "terminate" : "deny",
    status: { url: to("state?scope=${scope}"), headers, stopped: "/stopped" },
    activate,
    release: { url: to("release"), method: "POST", headers, json: ORDER },
    log: {
      url: to(`log?last=${LAST_ORDERS}&orders=1&scope=\${scope}`),
      headers,
      entries: "/entries",
      fields: { at: "/at", by: "/by", reason: "/reason", scope: "/scope" },
    },
    fleet: { url: to("fleet?scope=${scope}"), headers },
    ...(rehearse ? { rehearse: { ...rehearse, ...(isDrill ? { activate: twin } : {}) } } : {}),
  };
}

const EXPANDED = new Set<string | number | undefined>(["status", "activate", "release", "log", "fleet"]);

/** Where in the file something of the expansion comes from: all of it is made of url and token. */
export function writtenPath(path: ConfigPath): ConfigPath {
  const [section, call, ...rest] = path;
  if (section !== "killSwitch" || !EXPANDED.has(call)) return path;
  return [section, rest.includes("headers") ? "token" : "url"];
}
