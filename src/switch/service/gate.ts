import { isIP } from "node:net";
import type { TokenInfo } from "../protocol/messages.ts";
import type { Attempts } from "./attempts.ts";
import { type Caller, Refused } from "./caller.ts";
import type { Sessions } from "./page/sessions.ts";
import type { Tokens } from "./tokens.ts";

export interface GateOptions {
  tokens: Tokens;
  sessions: Sessions;
  attempts: Attempts;
  /** Where people reach the service, where that is not where it listens. */
  publicUrl: string | null;
  /** Name it listens on. */
  host: string;
}

/** A name or an address and perhaps a port: nothing that a URL would read as something else. */
const HOST = /^[A-Za-z0-9._:[\]-]+$/;

/** What is looked at of a request. */
export interface Asked {
  method: string;
  url: string;
  headers: Pick<Headers, "get" | "has">;
}

/** Too many failed sign-ins: 429 with Retry-After. */
export class TooMany extends Refused {
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super(429, `too many failed sign-ins; try again in ${retryAfterSeconds} s`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Who may come in, and as whom. */
export class Gate {
  readonly #options: GateOptions;
  readonly #public: URL | null;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#public = options.publicUrl === null ? null : new URL(options.publicUrl);
  }

  /**
   * Throws Refused (403) for a `Host` that is not this service's, and for an `Origin` that is not its own page's: a name
   * that a stranger's DNS points here, or a stranger's page, must not act with somebody's sign-in.
   */
  checkOrigin(request: Asked): void {
    const host = request.headers.get("host") ?? new URL(request.url).host;
    if (!this.#isOwnHost(host)) {
      throw new Refused(
        403,
        `${JSON.stringify(host)} is not the name of this service: set publicUrl where it should be`,
      );
    }
    if (request.headers.has("origin") && !this.isOwnOrigin(request)) {
      throw new Refused(403, "this request comes from another origin");
    }
  }

  /** Whether the request says that it comes from the service's own page. */
  isOwnOrigin(request: Asked): boolean {
    const origin = request.headers.get("origin");
    if (origin === null || !URL.canParse(origin)) return false;
    const { host } = new URL(origin);
    // Where people reach it is known: whoever answers there in another scheme is somebody else.
    if (this.#public !== null && host === this.#public.host) return origin === this.#public.origin;
    return host === (request.headers.get("host") ?? new URL(request.url).host);
  }

  /** Who asks. Throws Refused (401, 429; 403 where a page's session is used from elsewhere). */
  admit(request: Asked, from: string): Caller {
    const token = bearerOf(request);
    if (token !== null) return callerOf(this.#verified(token, from), from);
    const tokenId = this.#options.sessions.tokenIdOf(request.headers.get("cookie"));
    const info = tokenId === null ? null : this.#options.tokens.find(tokenId);
    if (info === null) throw new Refused(401, "sign in with Authorization: Bearer TOKEN");
    const reads = request.method === "GET" || request.method === "HEAD";
    if (!reads && !this.isOwnOrigin(request))
      throw new Refused(403, "a session works from this service's own page alone");
    return callerOf(info, from);
  }

  /** Whether who was admitted by this request still is: neither the token has ended nor, on the page, the session. */
  stillAdmits(request: Asked, { tokenId }: Caller): boolean {
    const { sessions, tokens } = this.#options;
    const bySession = bearerOf(request) === null;
    return tokens.isValid(tokenId) && (!bySession || sessions.tokenIdOf(request.headers.get("cookie")) === tokenId);
  }

  /** Throws Refused (401, 429). */
  #verified(token: string, from: string): TokenInfo {
    const info = this.#options.tokens.verify(token);
    if (info !== null) return info;
    const wait = this.#options.attempts.signInFailed(from);
    if (wait) throw new TooMany(wait.retryAfterSeconds);
    throw new Refused(401, "unknown, expired or revoked token");
  }

  /** For the page's sign-in. Throws Refused (401, 429). */
  signIn(token: string, from: string): TokenInfo {
    return this.#verified(token, from);
  }

  /** An address cannot be pointed elsewhere by a stranger's DNS; a name can. */
  #isOwnHost(host: string): boolean {
    if (!HOST.test(host) || !URL.canParse(`http://${host}`)) return false;
    const { hostname } = new URL(`http://${host}`);
    // Whatever the port: a stranger's name is strange on every one.
    if (hostname === this.#public?.hostname) return true;
    const bare = hostname.replace(/^\[|\]$/g, "");
    return isIP(bare) !== 0 || hostname === "localhost" || hostname === this.#options.host.toLowerCase();
  }
}

function bearerOf(request: Asked): string | null {
  const header = request.headers.get("authorization");
  const [, token] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? [];
  // OpenFeature's remote evaluation knows both.
  return token ?? (header === null ? request.headers.get("x-api-key") : "");
}

function callerOf({ id, name, roles, agent }: TokenInfo, from: string): Caller {
  return { tokenId: id, name, roles, agent, from };
}
