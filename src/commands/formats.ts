import { UsageError } from "./usage-error.ts";

const FORMATS = ["terminal", "json"] as const;
/** Formats that a report can be written in. */
export type Format = (typeof FORMATS)[number];

/** Promised by the contract, and not written yet. */
const LATER = new Set(["sarif", "junit", "markdown", "github", "html"]);

/** A report that goes to a file beside the one on standard output. */
export interface OutputFile {
  format: Format;
  file: string;
}

/** The format of that name. Throws UsageError. */
export function parseFormat(name: string): Format {
  const format = FORMATS.find((known) => known === name);
  if (format) return format;
  if (LATER.has(name)) throw new UsageError(`the format ${name} is not there yet; known: ${FORMATS.join(", ")}`);
  throw new UsageError(`unknown format "${name}"; known: ${FORMATS.join(", ")}`);
}

/** `FORMAT:FILE` of `--output`. Throws UsageError. */
export function parseOutput(text: string): OutputFile {
  const colon = text.indexOf(":");
  if (colon < 1 || colon === text.length - 1) throw new UsageError(`--output takes FORMAT:FILE, not "${text}"`);
  return { format: parseFormat(text.slice(0, colon)), file: text.slice(colon + 1) };
}
