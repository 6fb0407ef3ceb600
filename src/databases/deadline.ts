import { limitWords } from "../doors/words.ts";
import { DatabaseFailed } from "./database.ts";

export interface Deadline {
  /** What messages call the limit; milliseconds. */
  limitMs: number;
  /** How long to wait beyond it. */
  graceMs: number;
  signal?: AbortSignal | undefined;
  /** Ends the work, so that nothing runs on behind the answer. */
  end: () => void;
}

/** The words for a database that took longer than `limitMs`. */
export const lateWords = (limitMs: number): string => `the database did not answer in ${limitWords(limitMs)}`;

/** Waits for work, but not longer than its deadline or its signal. Throws DatabaseFailed for those two. */
export async function within<T>(deadline: Deadline, start: () => Promise<T>): Promise<T> {
  if (deadline.signal?.aborted) throw new DatabaseFailed("interrupted");
  let interrupt: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_, reject) => {
    const stop = (why: string): void => {
      reject(new DatabaseFailed(why));
      deadline.end();
    };
    timer = setTimeout(() => stop(lateWords(deadline.limitMs)), deadline.limitMs + deadline.graceMs);
    interrupt = () => stop("interrupted");
    deadline.signal?.addEventListener("abort", interrupt, { once: true });
  });
  try {
    return await Promise.race([start(), ended]);
  } finally {
    clearTimeout(timer);
    if (interrupt) deadline.signal?.removeEventListener("abort", interrupt);
  }
}
