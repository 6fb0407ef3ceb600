/** How deliveries are tried again; milliseconds. */
export interface OutboxTiming {
  /** Wait before the second attempt; it doubles from then on. */
  firstRetryMs: number;
  longestRetryMs: number;
  /** Of the service's running time: while it is down nobody tries. */
  giveUpAfterMs: number;
  /** Least time between two messages to one Slack route: Slack allows about one a second. */
  slackGapMs: number;
  /** How long `close` lets an attempt that is under way go on. */
  graceMs: number;
}

export const OUTBOX_TIMING: OutboxTiming = {
  firstRetryMs: 1_000,
  longestRetryMs: 300_000,
  giveUpAfterMs: 86_400_000,
  slackGapMs: 1_000,
  graceMs: 2_000,
};

/**
 * How long to wait after so many failed attempts: from half of the exponential step to the whole, so that many senders do
 * not come back at once; no less than the other side asked for, as far as that is no longer than our own longest wait.
 * `random` from 0 to 1.
 */
export function retryDelay(
  attempts: number,
  retryAfterMs: number | undefined,
  { firstRetryMs, longestRetryMs }: OutboxTiming,
  random: number,
): number {
  const step = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(attempts - 1, 40));
  return Math.min(longestRetryMs, Math.max(step * (0.5 + random / 2), retryAfterMs ?? 0));
}

/** The longest that a timer of Node waits; milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Ends after so many milliseconds (at most LONGEST_TIMER), or as soon as `signal` is aborted; does not keep the process from exiting. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER)).unref();
    signal.addEventListener("abort", end);
  });
}
