import { createHash, randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../../values/clock.ts";

/** `__Host-`: browsers take it only over TLS (or from this very machine), for exactly this host, and send it nowhere else. */
const COOKIE = "__Host-clawproof";
const LONGEST_SECONDS = 12 * 60 * 60;
const MOST_SESSIONS = 1_000;
const ATTRIBUTES = "Secure; HttpOnly; SameSite=Strict; Path=/";

interface Session {
  tokenId: string;
  /** When it was opened, on either clock: epoch milliseconds, and milliseconds that never go back. */
  now: number;
  monotonic: number;
}

/**
 * Who is signed in to the page: a cookie stands for a token, for at most 12 hours. Kept in memory alone, and there only
 * as hashes; a restart signs everybody out. Whether the token still holds is for the caller to ask at each request.
 */
export class Sessions {
  readonly #clock: Clock;
  /** By the hash of what the cookie says, oldest first. */
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** The `Set-Cookie` value of a new session. */
  open(tokenId: string): string {
    this.#dropOver();
    if (this.#sessions.size >= MOST_SESSIONS) this.#dropOne();
    const id = randomBytes(32).toString("base64url");
    this.#sessions.set(hashOf(id), { tokenId, now: this.#clock.now(), monotonic: this.#clock.monotonic() });
    return `${COOKIE}=${id}; ${ATTRIBUTES}; Max-Age=${LONGEST_SECONDS}`;
  }

  /** The token that a request's `Cookie` header stands for; null where it stands for none. */
  tokenIdOf(cookieHeader: string | null | undefined): string | null {
    const session = this.#sessions.get(keyOf(cookieHeader));
    return session === undefined || this.#isOver(session) ? null : session.tokenId;
  }

  /** Ends the session of a `Cookie` header; the `Set-Cookie` value that makes the browser forget it. */
  end(cookieHeader: string | null | undefined): string {
    this.#sessions.delete(keyOf(cookieHeader));
    return `${COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;
  }

  /** Ends every session of a token, as when it is revoked. */
  endToken(tokenId: string): void {
    for (const [key, session] of this.#sessions) if (session.tokenId === tokenId) this.#sessions.delete(key);
  }

  /** The greater age counts: neither a clock set back nor a machine that slept prolongs a session. */
  #isOver({ now, monotonic }: Session): boolean {
    const age = Math.max(this.#clock.now() - now, this.#clock.monotonic() - monotonic);
    return age >= LONGEST_SECONDS * 1_000;
  }

  #dropOver(): void {
    for (const [key, session] of this.#sessions) if (this.#isOver(session)) this.#sessions.delete(key);
  }

  /** The oldest of the token that has most: one token signed in a thousand times signs out nobody else. */
  #dropOne(): void {
    const perToken = new Map<string, string[]>();
    for (const [key, { tokenId }] of this.#sessions) {
      const keys = perToken.get(tokenId);
      if (keys) keys.push(key);
      else perToken.set(tokenId, [key]);
    }
    const most = [...perToken.values()].reduce((one, other) => (other.length > one.length ? other : one), []);
    for (const key of most.slice(0, 1)) this.#sessions.delete(key);
  }
}

function hashOf(id: string): string {
  return createHash("sha256").update(id).digest("base64url");
}

function keyOf(cookieHeader: string | null | undefined): string {
  const pairs = (cookieHeader ?? "").split(";").map((pair) => pair.trim());
  const own = pairs.find((pair) => pair.startsWith(`${COOKIE}=`));
  return own === undefined ? "" : hashOf(own.slice(COOKIE.length + 1));
}
