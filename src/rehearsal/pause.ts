import { setTimeout as wait } from "node:timers/promises";

/** Waits so many milliseconds, or until the signal is aborted; never throws. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted) return;
  await wait(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== "AbortError") throw error;
  });
}

/** Does something again and again, starts `everyMs` apart, until the signal is aborted. */
export async function everySo(everyMs: number, signal: AbortSignal, once: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    const next = pause(everyMs, signal);
    await once();
    await next;
  }
}

/** A promise that is awaited later: until then its failure is no unhandled one, which would end us with the switch pulled. */
export function held<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
