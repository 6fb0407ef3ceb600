import type { Location } from "../audit/fact.ts";
import { blotUrls } from "./redaction.ts";

/** Something wrong in clawproof.yaml: where, what was expected, and the line itself. */
export interface Problem {
  location: Location;
  message: string;
  /** The offending line; "" where there is none (an empty file). */
  line: string;
}

/** clawproof.yaml cannot be used. Holds all problems at once; `toString()` is what a person reads (exit 2, no stack). */
export class InvalidConfig extends Error {
  override name = "InvalidConfig";
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
  override toString(): string {
    return this.message;
  }
}

const WIDEST = 160;

function formatProblem({ location, message, line }: Problem): string {
  const head = `${location.file}:${String(location.line)}:${String(location.column)}: ${message}`;
  if (line.trim() === "") return head;
  const from = location.column > WIDEST ? location.column - WIDEST / 2 : 1;
  const shown = blotUrls(line)
    .slice(from - 1, from - 1 + WIDEST)
    .replace(/[\t\p{Cc}]/gu, " ");
  const number = String(location.line);
  const caret = " ".repeat(Math.max(0, location.column - from));
  return `${head}\n  ${number} | ${shown}\n  ${" ".repeat(number.length)} | ${caret}^`;
}

/** The known word nearest to what was written (Levenshtein distance at most a third of its length, or 2), if any is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = (word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3))) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
