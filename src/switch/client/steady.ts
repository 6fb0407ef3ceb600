/** A moment by both clocks (src/values/clock.ts). */
export interface Instant {
  /** Milliseconds. */
  monotonic: number;
  /** Epoch milliseconds. */
  wall: number;
}

/** Two clocks are not read at once, and one of them in whole milliseconds: a smaller difference is no event. */
const READING_MS = 5;

/**
 * A time that, from one look at both clocks to the next, goes on by the greater of what they say has passed. While the
 * machine sleeps the monotonic clock stands still, and the wall clock may be set back: only both of that between two looks
 * could deceive it. A wall clock that is set forward looks like a sleep, and must: that ends a lease too early, never too late.
 */
export class SteadyTime {
  /** By how much the wall clock ran ahead of the other in all. */
  #ahead = 0;
  /** Wall minus monotonic when it last changed. */
  #offset: number | null = null;

  /** Milliseconds of steady time; comparable with each other alone. */
  of({ monotonic, wall }: Instant): number {
    const offset = wall - monotonic;
    this.#offset ??= offset;
    const change = offset - this.#offset;
    if (Math.abs(change) > READING_MS) {
      this.#ahead += Math.max(0, change);
      this.#offset = offset;
    }
    return monotonic + this.#ahead;
  }

  /** What either clock will say at a moment of steady time, if nothing happens to it until then. */
  shown(steady: number): Instant {
    const monotonic = steady - this.#ahead;
    return { monotonic, wall: monotonic + (this.#offset ?? 0) };
  }
}
