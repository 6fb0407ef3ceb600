import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { parseDuration } from "../values/duration.ts";
import type { BreakerOptions } from "./breaker/settings.ts";
import type { WhenLost } from "./decide.ts";
import type { LedgerSettings } from "./recording.ts";
import type { ObservedAction } from "./running.ts";
import type { SavedGuard } from "./guard-types.ts";
import { checkFallback, type Fallback } from "./fallback.ts";
import { checkMembers, shown } from "./given.ts";

/** Longest that a stop may take: lease and drain together (contract, section 5). */
const LONGEST_MS = 30_000;
const DEFAULT_LEASE_MS = 15_000;
const DEFAULT_DRAIN_MS = 5_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RESERVED = new Set(["drill", "all"]);

const KNOWN = {
  ...{ agent: true, version: true, instance: true, killSwitch: true, breaker: true, ledger: true, fallback: true },
  ...{ restore: true, drain: true, refused: true, onNotice: true },
} satisfies Record<keyof GuardOptions, true>;
const KNOWN_OF_SWITCH = {
  ...{ url: true, token: true, lease: true, whenLost: true, ca: true },
} satisfies Record<keyof KillSwitchOptions, true>;

/** A duration as text (`500ms`, `15s`, `5m`) or in milliseconds. */
export type DurationLike = string | number;

export interface KillSwitchOptions {
  /** Of the switch; several addresses of one service are tried in turn. */
  url: string | readonly string[] | undefined;
  /** With the role `agent`. */
  token: string | undefined;
  /** How long the agent may go on acting on what it last heard; the service's own may be shorter. Default 15 s. */
  lease?: DurationLike | undefined;
  /** What may be done when the lease is over. Default `read-only`. */
  whenLost?: WhenLost | undefined;
  /** Certificates of authorities to trust, in PEM. */
  ca?: string | undefined;
}

/** Something that whoever operates the agent should see. Never holds a secret. */
export interface Notice {
  level: "info" | "warn" | "error";
  /** A stable word for it, such as `lost`, `ignores-signal` or `unauthorized`. */
  code: string;
  message: string;
}

export interface GuardOptions {
  /** Name of the agent, as in scopes. */
  agent: string;
  version?: string | undefined;
  /** Name of this instance; default the host's name and a random part. */
  instance?: string | undefined;
  /** `"none"` says aloud that no switch holds this agent: its breaker is then all that does. */
  killSwitch: KillSwitchOptions | "none";
  /** `anomaly` is part of it; without one no anomaly rate is judged. */
  breaker?: BreakerOptions<ObservedAction> | undefined;
  /** Where every write leaves what undoing it needs; without one nothing can be taken back. */
  ledger?: LedgerSettings | undefined;
  /** What users read while an action is refused. */
  fallback?: Fallback | undefined;
  /** What `guard.save` gave to the run before. */
  restore?: SavedGuard | undefined;
  /** How long what is marked `finish: true` may go on after a stop. Default 5 s; with the lease at most 30 s. */
  drain?: DurationLike | undefined;
  /** Whether a refused action throws `ActionRefused` (default) or resolves to a `RefusedResult`. */
  refused?: "throw" | "result" | undefined;
  /** Called with what an operator should see; default: warnings and errors go to the console. */
  onNotice?: ((notice: Notice) => void) | undefined;
}

/** Options as they hold. Times in milliseconds. */
export interface GuardSettings {
  agent: string;
  version: string | undefined;
  instance: string;
  killSwitch: { urls: string[]; token: string; ca: string | undefined } | null;
  leaseMs: number;
  whenLost: WhenLost;
  fallback: Fallback | undefined;
  drainMs: number;
  throws: boolean;
}

/** Reads what an agent's code gives to createGuard. Throws TypeError that names the option and what it was. */
export function readOptions(options: GuardOptions): GuardSettings {
  checkMembers("createGuard", options, Object.keys(KNOWN));
  const { agent, version, instance, killSwitch, fallback, refused = "throw" } = options;
  checkName("agent", agent);
  if (version !== undefined) checkName("version", version);
  if (instance !== undefined && (typeof instance !== "string" || instance.trim() === "" || instance.length > 128)) {
    throw new TypeError(`instance must be a name of at most 128 characters, not ${shown(instance)}`);
  }
  checkFallback(fallback);
  if (options.onNotice !== undefined && typeof options.onNotice !== "function") {
    throw new TypeError(`onNotice must be a function, not ${shown(options.onNotice)}`);
  }
  if (!["throw", "result"].includes(refused)) {
    throw new TypeError(`refused must be "throw" or "result", not ${shown(refused)}`);
  }
  const drainMs = readDuration("drain", options.drain, DEFAULT_DRAIN_MS);
  const { leaseMs, whenLost, ...target } = readKillSwitch(killSwitch);
  if (leaseMs !== Number.POSITIVE_INFINITY && leaseMs + drainMs > LONGEST_MS) {
    throw new TypeError(
      `killSwitch.lease and drain together are ${leaseMs + drainMs} ms: a stop may take 30 s at the most, so shorten one of them`,
    );
  }
  return {
    agent,
    version,
    instance: instance ?? `${hostname()}-${randomBytes(4).toString("hex")}`,
    killSwitch: target.killSwitch,
    leaseMs,
    whenLost,
    fallback,
    drainMs,
    throws: refused === "throw",
  };
}

function readKillSwitch(given: GuardOptions["killSwitch"]): Pick<GuardSettings, "killSwitch" | "leaseMs" | "whenLost"> {
  if (given === "none") return { killSwitch: null, leaseMs: Number.POSITIVE_INFINITY, whenLost: "read-only" };
  if (typeof given !== "object" || (given as unknown) === null) {
    throw new TypeError(
      `killSwitch must be { url, token }, or "none" where nothing is to stop this agent, not ${shown(given)}`,
    );
  }
  checkMembers("killSwitch", given, Object.keys(KNOWN_OF_SWITCH));
  const { url, token, lease, whenLost = "read-only", ca } = given;
  const urls = (Array.isArray(url) ? url : [url ?? []].flat()).map(checkUrl);
  if (urls.length === 0)
    throw new TypeError("killSwitch.url is undefined: give the address of the kill switch service");
  if (typeof token !== "string" || token === "") {
    throw new TypeError("killSwitch.token is undefined: give a token with the role agent (clawproof token add)");
  }
  if (!["read-only", "stopped"].includes(whenLost)) {
    throw new TypeError(`killSwitch.whenLost must be "read-only" or "stopped", not ${shown(whenLost)}`);
  }
  if (ca !== undefined && !(typeof ca === "string" && ca.includes("-----BEGIN "))) {
    throw new TypeError("killSwitch.ca must be the certificates themselves, in PEM, not a path");
  }
  const leaseMs = readDuration("killSwitch.lease", lease, DEFAULT_LEASE_MS);
  if (leaseMs < 1) throw new TypeError(`killSwitch.lease must be longer than ${shown(lease)}`);
  return { killSwitch: { urls, token, ca }, leaseMs, whenLost };
}

function checkUrl(url: unknown): string {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !["http:", "https:"].includes(parsed.protocol)) {
    throw new TypeError(`killSwitch.url must be an http:// or https:// address, not ${shown(url)}`);
  }
  return parsed.href.replace(/\/+$/, "");
}

/** Throws TypeError where something is no name as scopes have them. */
export function checkName(option: string, name: unknown): void {
  if (typeof name === "string" && NAME.test(name) && !RESERVED.has(name)) return;
  if (typeof name === "string" && RESERVED.has(name)) {
    throw new TypeError(`${option} must not be ${shown(name)}, which means something else in scopes`);
  }
  throw new TypeError(
    `${option} must be a name of letters, digits, '.', '_' and '-', at most 64 and beginning with a letter or digit, not ${shown(name)}`,
  );
}

/** Milliseconds. Throws TypeError. */
export function readDuration(option: string, given: unknown, otherwise: number): number {
  if (given === undefined) return otherwise;
  const ms = typeof given === "string" ? parseDuration(given) : given;
  if (typeof ms === "number" && Number.isFinite(ms) && ms >= 0) return ms;
  throw new TypeError(`${option} must be a duration such as "15s", or milliseconds, not ${shown(given)}`);
}
