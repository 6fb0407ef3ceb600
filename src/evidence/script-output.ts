/*
 * How the output of dry runs is compared and read. Two runs on different traces may differ in the trace ID, in times, in
 * durations and in numbers of the process, and still say the same; these are masked before they are compared.
 */

const MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*";
const CLOCK = String.raw`\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AP]M)?(?:\s?(?:Z|UTC|GMT)?(?:[+-]\d{2}:?\d{2})?(?:\s\([^)]*\))?)?`;

const MASKED: readonly RegExp[] = [
  new RegExp(String.raw`\d{4}-\d{2}-\d{2}(?:[T ,]+${CLOCK})?`, "gi"),
  new RegExp(String.raw`\d{1,2}[./]\d{1,2}[./]\d{4}(?:[T ,]+${CLOCK})?`, "gi"),
  new RegExp(
    String.raw`(?:[A-Z][a-z]{2},?\s)?(?:${MONTH}\s\d{1,2},?|\d{1,2}\s${MONTH})\s\d{4}(?:[T ,]+${CLOCK})?`,
    "g",
  ),
  new RegExp(String.raw`\b${CLOCK}`, "g"),
  /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi,
  /\b(?=[a-f]*\d)[0-9a-f]{16,}\b/gi,
  // Epoch seconds, milliseconds, microseconds.
  /\b\d{10,16}(?:\.\d+)?\b/g,
  /\b\d+(?:\.\d+)?\s?(?:ns|[µu]s|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b/gi,
  /\bpid"?[=: ]+\d+/gi,
];

/** The output with `known` texts (the trace, the window), times, durations and hexadecimal IDs masked. */
export function maskOutput(text: string, known: readonly string[]): string {
  const sorted = known.filter((one) => one !== "").sort((a, b) => b.length - a.length);
  const plain = sorted.reduce((masked, one) => masked.replaceAll(one, "…"), text);
  return MASKED.reduce((masked, pattern) => masked.replaceAll(pattern, "…"), plain).trim();
}

/** Words by which a script says that it would leave a record alone because it does not know how to take it back. */
const REFUSING =
  /\bno (?:handler|undo|rollback|compensat\w*)\b|\bnot (?:supported|covered|handled|implemented|possible|reversible)\b|\b(?:unsupported|unhandled|unknown|unimplemented|irreversible|incomplete|skip(?:s|ped|ping)?|ignor(?:e[sd]?|ing)|cannot|can['’]t|missing|todo)\b/i;

/**
 * Whether a dry run on a trace says that it would take back records of a type. Lines that name the type decide: one of
 * them must be without a refusal (`no handler`, `not supported`, `skipped`, …). Where no line names it, the type counts
 * only if the trace holds nothing else and no line that the run on an unknown trace lacks is a refusal.
 */
export function saysItCovers(type: string, output: Compared, onlyType: boolean): boolean {
  const lines = linesOf(output.known);
  const naming = lines.filter((line) => names(line, type));
  if (naming.length > 0) return naming.some((line) => !REFUSING.test(withoutName(line, type)));
  const before = new Set(linesOf(output.unknown));
  return onlyType && !lines.some((line) => !before.has(line) && REFUSING.test(line));
}

/** Masked output of a dry run on a trace with records, and of one on a trace without. */
export interface Compared {
  known: string;
  unknown: string;
}

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");

/** `email_send` is not named by `email_send_later`. */
function nameOf(type: string): RegExp {
  const escaped = type.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`(?<![A-Za-z0-9_-])${escaped}(?![A-Za-z0-9_-])`, "g");
}

const names = (line: string, type: string): boolean => nameOf(type).test(line);

/** A type called `skip_payment` refuses nothing by its name. */
const withoutName = (line: string, type: string): string => line.replaceAll(nameOf(type), "");
