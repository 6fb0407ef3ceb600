import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { connect } from "node:net";
import { inject, it, type TestOptions } from "vitest";

/**
 * What else runs while a test runs is decided here, across all workers. A test that starts processes takes room for them;
 * where there is none it waits, first come, first served, and nothing starves. Without this thirty processes share two
 * processors, a start of Node takes seconds instead of a tenth, and whatever has a time limit breaks.
 *
 * Taken inside the test's function, never in a hook: vitest counts hooks among the tests that run at once, and those that
 * wait for room would keep out those that have it. Room that is taken inside of room taken is the same: `run` of
 * test/e2e/support.ts takes it for each program, and for nothing where the test has taken it for longer.
 */

/** How much of one processor it keeps busy, in per cent, from its beginning to its end. */
const SHARES = {
  /** A program that starts, says something and ends. */
  program: 80,
  /** A program that mostly waits, for an agent to stop and to be back. */
  rehearsal: 20,
  /** A sample agent (four processes), and its audit with all its scripts. */
  sample: 30,
  /** Chromium. */
  browser: 120,
};

export type Share = keyof typeof SHARES;

const taken = new AsyncLocalStorage<true>();

/** Waits for room; the room is given back by the function that this resolves to, or with the worker's end. */
export async function takeRoom(share: Share): Promise<() => void> {
  const keeper = connect(inject("room"), "127.0.0.1");
  keeper.write(`${String(SHARES[share])}\n`);
  await once(keeper, "data");
  return () => keeper.destroy();
}

/** Does the work when there is room for it. */
export async function inRoom<T>(share: Share, work: () => Promise<T>): Promise<T> {
  if (taken.getStore()) return work();
  const leave = await takeRoom(share);
  try {
    return await taken.run(true, work);
  } finally {
    leave();
  }
}

/** As vitest's `it` and `it.for`, of tests that take room from their beginning to their end. */
export function itTakes(share: Share) {
  const one = (name: string, test: () => Promise<void>, options: TestOptions = {}): void => {
    it(name, options, () => inRoom(share, test));
  };
  const of =
    <Given>(cases: readonly Given[]) =>
    (name: string, test: (given: Given) => Promise<void>, options: TestOptions = {}): void => {
      it.for(cases)(name, options, (given) => inRoom(share, () => test(given)));
    };
  return Object.assign(one, { for: of });
}
