import type { OrderAnswer, TripRequest } from "../protocol/messages.ts";
import { Addresses } from "./addresses.ts";
import { parsed, readAnswer } from "./read.ts";
import { wordsOf } from "./report.ts";
import { ANSWER_MS, untilAfterRefusal, untilAttempt } from "./timing.ts";
import type { Answer, Connections } from "./wire.ts";

/** Saying it again would not change the answer: the request itself is at fault, or may not be made. */
const DEFINITE: ReadonlySet<number> = new Set([400, 403, 409, 413, 415, 422]);

/** The switch will never give the order that was asked for. */
export class TripRefused extends Error {
  override name = "TripRefused";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ClientClosed extends Error {
  override name = "ClientClosed";
}

export interface TripDeps {
  wire: Connections;
  urls: readonly string[];
  refused: (url: string, status: number) => void;
}

/** Asks for the orders that follow from opened breakers, each until it is answered. */
export class Trips {
  readonly #deps: TripDeps;
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(deps: TripDeps) {
    this.#deps = deps;
  }

  /** The same body each time: the service knows one that it has answered by its key. Throws TripRefused and ClientClosed. */
  async send(trip: TripRequest, idempotencyKey: string): Promise<OrderAnswer> {
    const addresses = new Addresses(this.#deps.urls);
    const body = JSON.stringify(trip);
    for (let failed = 1; ; failed++) {
      if (this.#isClosed) throw new ClientClosed("the switch's client is closed");
      const answer = await this.#once(addresses.current, body, idempotencyKey);
      const order = answer && orderOf(answer);
      if (order) return order;
      if (answer && DEFINITE.has(answer.status)) throw new TripRefused(answer.status, wordsOf(answer));
      if (answer?.status === 401) this.#deps.refused(addresses.current, 401);
      addresses.next();
      await this.#pause(answer?.status === 401 ? untilAfterRefusal() : untilAttempt(failed));
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const wake of this.#waiting) wake();
  }

  /** Null where there was no answer. */
  async #once(url: string, body: string, idempotencyKey: string): Promise<Answer | null> {
    const headers = { "idempotency-key": idempotencyKey };
    try {
      return await this.#deps.wire.send(url, "/v1/trip", { method: "POST", headers, body, timeoutMs: ANSWER_MS });
    } catch {
      return null;
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms).unref();
      this.#waiting.add(wake);
    });
  }
}

/** 507: the order is in force, and could not be written down. */
function orderOf({ status, text }: Answer): OrderAnswer | null {
  return (status >= 200 && status < 300) || status === 507 ? readAnswer(parsed(text)) : null;
}
