/** Control characters (an answer may carry cursor movements) and marks that reorder what stands beside them. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;

/** Text that others wrote, as one line that cannot drive the terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, " ").trim();
}
