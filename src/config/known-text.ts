import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "./schema.ts";
import { parseTemplate } from "./template.ts";

export interface Known {
  env: Readonly<Record<string, string | undefined>>;
  secrets: Config["secrets"];
  directory: string;
  environment: string | null;
}

/**
 * The text as it will be sent, as far as it can be known before anything runs: secrets from files and the environment
 * are looked up, one that a command gives, or that is not set, makes it null. For rules about hosts; never shown.
 */
export function knownText(template: string, known: Known): string | null {
  let text = "";
  for (const part of parseTemplate(template).parts) {
    const value = valueOf(part, known);
    if (value === null) return null;
    text += value;
  }
  return text;
}

type Part = ReturnType<typeof parseTemplate>["parts"][number];

function valueOf(part: Part, { env, secrets, directory, environment }: Known): string | null {
  if (part.kind === "literal") return part.text;
  // Other placeholders stand in paths and queries; a host that depends on one is nobody's to vouch for.
  if (part.kind === "placeholder") return part.name === "environment" ? environment : `<${part.name}>`;
  if (part.kind === "record") return null;
  const source = secrets?.[part.name];
  if (source && "command" in source) return null;
  const fromFile = source ? contentOf(resolve(directory, source.file)) : null;
  return fromFile ?? (env[part.name] || (part.default ?? null));
}

/** Larger than any secret is. */
const MOST_BYTES = 64 * 1024;

/** What a secret's file holds; null where it is missing or empty, or no plain file of a secret's size. */
export function contentOf(file: string): string | null {
  try {
    const found = statSync(file);
    // A pipe would be waited for, and be empty afterwards.
    if (!found.isFile() || found.size > MOST_BYTES) return null;
    return readFileSync(file, "utf8").replace(/\r?\n$/, "") || null;
  } catch {
    // A file that is missing is said where the secret is needed; here it only means that its value is not known.
    return null;
  }
}
