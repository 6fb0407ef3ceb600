const MOST_KEYS = 10_000;

/** Lets each key through once in so many milliseconds; for alerts that a flood of attempts must not multiply. */
export class OncePer {
  readonly #periodMs: number;
  readonly #most: number;
  /** When each key was let through, the longest ago first. */
  readonly #last = new Map<string, number>();

  /** `most`: how many keys are kept in mind; beyond them no new one is let through until one's time is over. */
  constructor(periodMs: number, most: number = MOST_KEYS) {
    this.#periodMs = periodMs;
    this.#most = most;
  }

  /** Whether the key may pass now, by a clock that never goes back (milliseconds). */
  allows(key: string, now: number): boolean {
    this.#forget(now);
    if (this.#last.has(key) || this.#last.size >= this.#most) return false;
    this.#last.set(key, now);
    return true;
  }

  #forget(now: number): void {
    for (const [key, at] of this.#last) {
      if (now - at < this.#periodMs) return;
      this.#last.delete(key);
    }
  }
}
