import type { Clock } from "../values/clock.ts";

/** So long, by the wall clock, and for so many looks the monotonic clock is reckoned from the wall clock instead of read. */
const RECKONED_MS = 20;
const RECKONED_LOOKS = 64;

/**
 * The time as a guard knows it, on both clocks. Reading one costs as much as all the rest of a decision, so a look reads
 * the wall clock alone: it is the one that goes on while a machine sleeps. Within 20 ms of a look at both the monotonic
 * time follows from it, taken a millisecond too late rather than too early; a wall clock that jumps, either way, is
 * noticed by the jump.
 */
export class Times {
  readonly #clock: Clock;
  /** Milliseconds on the clock that never goes back. */
  monotonic: number;
  /** Epoch milliseconds. */
  wall: number;
  #readMonotonic: number;
  #readWall: number;
  #reckoned = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.monotonic = this.#readMonotonic = clock.monotonic();
    this.wall = this.#readWall = clock.now();
  }

  /** Reads one clock, and the other where that is needed. */
  look(): void {
    const wall = this.#clock.now();
    const passed = wall - this.#readWall;
    if (passed < 0 || passed > RECKONED_MS || ++this.#reckoned > RECKONED_LOOKS) {
      this.#read(wall);
      return;
    }
    this.wall = wall;
    this.monotonic = this.#readMonotonic + passed + 1;
  }

  /** Reads both clocks. */
  lookAtBoth(): void {
    this.#read(this.#clock.now());
  }

  #read(wall: number): void {
    this.wall = this.#readWall = wall;
    this.monotonic = this.#readMonotonic = this.#clock.monotonic();
    this.#reckoned = 0;
  }
}
