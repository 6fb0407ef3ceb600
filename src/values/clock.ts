/** The two clocks: `now` is epoch milliseconds, `monotonic` milliseconds that never go back. Tests give their own. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
