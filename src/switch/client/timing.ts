/** Without a message for so long, three beats, a stream is dead: also one that was opened and never said anything. */
export const SILENT_MS = 3_000;
/** How long a request may take. */
export const ANSWER_MS = 3_000;
const POLL_MS = 1_000;
const REFUSED_MS = 3_000;
const SHORTEST_MS = 250;
const LONGEST_MS = 2_000;

/** Before the next poll: agents that lost their stream together are not to ask together. */
export function untilPoll(): number {
  return POLL_MS * (0.85 + 0.3 * Math.random());
}

/** Before asking again where a token was refused: it may be given again, and whoever is refused too often is shut out. */
export function untilAfterRefusal(): number {
  return REFUSED_MS * (1 + 0.5 * Math.random());
}

/** Before the next attempt after so many that failed: none before the first, then growing, between half and all of it. */
export function untilAttempt(failed: number): number {
  if (failed === 0) return 0;
  return Math.min(LONGEST_MS, SHORTEST_MS * 2 ** (failed - 1)) * (0.5 + 0.5 * Math.random());
}
