import { sha256 } from "../../values/hash-chain.ts";
import type { Clock } from "../../values/clock.ts";
import type { OrderAnswer } from "../protocol/messages.ts";
import { Refused } from "./caller.ts";
import type { Beside, Store } from "./store.ts";

const HELD_MS = 24 * 60 * 60 * 1_000;
const LONGEST_KEY = 200;
const MOST_UNSAVED = 1_000;

interface Kept {
  request: string;
  answer: OrderAnswer;
}

/** Answers by `Idempotency-Key`, for 24 hours: an order that is sent again is not given again. */
export class Answers {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Those of orders that are not on the disk yet. */
  readonly #unsaved = new Map<string, Kept>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** What was answered to that key; null where it is new. Throws Refused: 400 for a bad key, 422 where the request was another. */
  find(tokenId: string, key: string, request: string): OrderAnswer | null {
    if (key.length > LONGEST_KEY) throw new Refused(400, `Idempotency-Key has at most ${LONGEST_KEY} characters`);
    // The disk first: an order that was written down late is durable from then on.
    const kept = this.#read(tokenId, key) ?? this.#unsaved.get(`${tokenId} ${key}`) ?? null;
    if (kept === null) return null;
    if (kept.request === sha256(request)) return kept.answer;
    throw new Refused(422, "this Idempotency-Key was used for another request: take a new one");
  }

  /** Writes the answer down in the order's transaction. */
  keep(tokenId: string, key: string, request: string, answer: OrderAnswer): Beside {
    const now = this.#clock.now();
    return (database) => {
      database.prepare("DELETE FROM answers WHERE at < ?").run(now - HELD_MS);
      database
        .prepare("INSERT OR REPLACE INTO answers (token_id, key, request, answer, at) VALUES (?, ?, ?, ?, ?)")
        .run(tokenId, key, sha256(request), JSON.stringify(answer), now);
    };
  }

  /** Holds the answer to an order that could not be written down. */
  keepUnsaved(tokenId: string, key: string, request: string, answer: OrderAnswer): void {
    const [oldest] = this.#unsaved.keys();
    if (this.#unsaved.size >= MOST_UNSAVED && oldest !== undefined) this.#unsaved.delete(oldest);
    this.#unsaved.set(`${tokenId} ${key}`, { request: sha256(request), answer });
  }

  #read(tokenId: string, key: string): Kept | null {
    const row = this.#store.database
      .prepare("SELECT request, answer FROM answers WHERE token_id = ? AND key = ? AND at >= ?")
      .get(tokenId, key, this.#clock.now() - HELD_MS) as { request: string; answer: string } | undefined;
    return row ? { request: row.request, answer: JSON.parse(row.answer) as OrderAnswer } : null;
  }
}
