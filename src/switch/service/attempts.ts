import type { Clock } from "../../values/clock.ts";
import { OncePer } from "./once-per.ts";
import { SERVICE, type Undated } from "./entry.ts";
import { NotDurable } from "./store.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Failed sign-ins from one address in a minute, after which it is told to wait. */
const MOST_FAILURES = 10;
/** Refused attempts of one token in a minute that are logged one by one. */
const MOST_SINGLE = 5;
const MOST_ADDRESSES = 1_000;
const NAMED_ADDRESSES = 10;

/** Calls that change orders or tokens: people are told of those that were refused. */
const CHANGES = /^(?:POST \/v1\/(?:kill|release)|(?:POST|DELETE) \/v1\/tokens(?:\/.*)?)$/;

/** What somebody signed in tried, and the token's roles do not allow. */
export interface RefusedAttempt {
  tokenId: string;
  by: string;
  from: string;
  /** `POST /v1/release` */
  doing: string;
  /** What it was about, where that is known. */
  scope?: string | undefined;
  why: string;
}

export interface AttemptsOptions {
  clock: Clock;
  /**
   * Writes to the log; people are told of `alert`. May throw NotDurable: then it is lost, for an attempt that did nothing
   * must not stop the service.
   */
  note: (entry: Undated, alert?: RefusedAttempt) => void;
}

/** Whether a scope is a drill's, where one was named at all. */
export function isOfDrill(scope: string | undefined): boolean {
  return scope?.startsWith("drill/") === true;
}

/** What was tried and not allowed: limited, and logged so that a flood cannot fill the disk. */
export class Attempts {
  readonly #clock: Clock;
  readonly #note: AttemptsOptions["note"];
  readonly #alerts = new OncePer(HOUR_MS);
  readonly #timer: NodeJS.Timeout;
  #failures = new Map<string, number>();
  #otherFailures = 0;
  #refused = new Map<string, { by: string; count: number; logged: number }>();
  #minuteEnds: number;

  constructor({ clock, note }: AttemptsOptions) {
    this.#clock = clock;
    this.#note = note;
    this.#minuteEnds = clock.monotonic() + MINUTE_MS;
    this.#timer = setInterval(() => this.sumUp(), MINUTE_MS);
    this.#timer.unref();
  }

  /** A sign-in failed. How long its address is to wait; undefined as long as it need not. A right token is never kept waiting. */
  signInFailed(from: string): { retryAfterSeconds: number } | undefined {
    const count = (this.#failures.get(from) ?? 0) + 1;
    if (count === 1 && this.#failures.size >= MOST_ADDRESSES) this.#otherFailures++;
    else this.#failures.set(from, count);
    if (count <= MOST_FAILURES) return undefined;
    return { retryAfterSeconds: Math.max(1, Math.ceil((this.#minuteEnds - this.#clock.monotonic()) / 1_000)) };
  }

  /** Is logged, alone or in sum; people are told of it at most once an hour for a token, drills apart. */
  refused(attempt: RefusedAttempt): void {
    const { tokenId, by, from, doing, scope, why } = attempt;
    const seen = this.#refused.get(tokenId) ?? { by, count: 0, logged: 0 };
    this.#refused.set(tokenId, seen);
    seen.count++;
    const isAlert = CHANGES.test(doing) && this.#alertAllowed(tokenId, isOfDrill(scope));
    if (!isAlert && seen.logged >= MOST_SINGLE) return;
    seen.logged++;
    this.#write({ kind: "refused", by, from, scope, doing, reason: why }, isAlert ? attempt : undefined);
  }

  /** Writes down in sum what was not written one by one, and begins to count anew. */
  sumUp(): void {
    const failures = [...this.#failures].sort(([, a], [, b]) => b - a);
    const refused = [...this.#refused.values()];
    const others = this.#otherFailures;
    this.#failures = new Map();
    this.#otherFailures = 0;
    this.#refused = new Map();
    this.#minuteEnds = this.#clock.monotonic() + MINUTE_MS;
    if (failures.length > 0) {
      const count = failures.reduce((sum, [, each]) => sum + each, others);
      const addresses = Object.fromEntries(failures.slice(0, NAMED_ADDRESSES));
      this.#write({
        kind: "sign-ins-refused",
        by: SERVICE,
        from: null,
        count,
        addresses,
        addressCount: failures.length,
        ...(others > 0 ? { addressesMore: true } : {}),
      });
    }
    for (const { by, count, logged } of refused) {
      const more = count - logged;
      if (more > 0)
        this.#write({ kind: "refused", by, from: null, count: more, reason: `${more} more in that minute` });
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.sumUp();
  }

  #alertAllowed(tokenId: string, isDrill: boolean): boolean {
    return this.#alerts.allows(`${isDrill ? "drill" : "real"} ${tokenId}`, this.#clock.monotonic());
  }

  #write(entry: Undated, alert?: RefusedAttempt): void {
    try {
      this.#note(entry, alert);
    } catch (error) {
      if (!(error instanceof NotDurable)) throw error;
    }
  }
}
