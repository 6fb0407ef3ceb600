import { randomFillSync } from "node:crypto";

/** Crockford's digits: they sort as their values do, and none is taken for another. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;
/** Asking for random bytes costs microseconds each time, however few they are. */
const POOL_BYTES = 4_096;

export interface Stamp {
  id: string;
  /** Epoch milliseconds. */
  at: number;
}

/**
 * Gives ids of 26 characters (a ULID's): ten for the time, sixteen by chance. Of one maker each is greater than the one
 * before, also within a millisecond and when the clock goes back: newest first is an order that undoing rests on.
 */
export function idMaker(now: () => number): () => Stamp {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let last = 0;
  const digits = new Uint8Array(RANDOM_DIGITS);
  return () => {
    const at = Math.trunc(now());
    if (at > last || !increment(digits)) {
      last = Math.max(at, last + (at > last ? 0 : 1));
      if (used + RANDOM_DIGITS > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      for (let index = 0; index < RANDOM_DIGITS; index++) digits[index] = (pool[used + index] ?? 0) & 31;
      used += RANDOM_DIGITS;
    }
    return { id: timeText(last) + textOf(digits), at: last };
  };
}

/** False where they were all at their highest. */
function increment(digits: Uint8Array): boolean {
  for (let index = digits.length - 1; index >= 0; index--) {
    const digit = digits[index] ?? 0;
    if (digit < 31) {
      digits[index] = digit + 1;
      return true;
    }
    digits[index] = 0;
  }
  return false;
}

function timeText(time: number): string {
  let text = "";
  for (let rest = time, index = 0; index < TIME_DIGITS; index++, rest = Math.floor(rest / 32)) {
    text = (DIGITS[rest % 32] ?? "") + text;
  }
  return text;
}

function textOf(digits: Uint8Array): string {
  let text = "";
  for (const digit of digits) text += DIGITS[digit] ?? "";
  return text;
}
