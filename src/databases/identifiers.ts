import { DatabaseFailed, type Dialect } from "./database.ts";

const QUOTES: Record<Dialect, string> = { sqlite: '"', postgres: '"', mysql: "`" };

/** Quotes a name for a statement; in `schema.table` each part by itself. Throws DatabaseFailed for what no name can be. */
export function quoteIdentifier(dialect: Dialect, identifier: string): string {
  return identifier
    .split(".")
    .map((part) => quotePart(dialect, part, identifier))
    .join(".");
}

/** As `quoteIdentifier`, for a name that has no schema in front: a dot in it belongs to the name. */
export function quoteName(dialect: Dialect, name: string): string {
  return quotePart(dialect, name, name);
}

function quotePart(dialect: Dialect, part: string, whole: string): string {
  // A NUL would end the name early inside the C code of two of the three.
  if (part === "" || part.includes("\0")) throw new DatabaseFailed(`${JSON.stringify(whole)} is not a name`);
  const quote = QUOTES[dialect];
  return `${quote}${part.replaceAll(quote, quote + quote)}${quote}`;
}
