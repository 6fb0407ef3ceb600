import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { readTextFile } from "../doors/file.ts";
import { contentOf } from "./known-text.ts";
import { createRedactor } from "./redaction.ts";
import type { SecretsSection } from "./shared-sections.ts";
import { MissingSecret, type Secrets } from "./secrets.ts";

export interface SecretSources {
  /** The `secrets:` section; unfilled. */
  config: SecretsSection | undefined;
  /** Folder that its paths begin in. */
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Names that the configuration speaks of: commands inherit and may print their values, whether or not we look them up. */
  named?: readonly string[];
  /** What a command prints; throws an error whose message is for a person. */
  readCommand: (argv: string[]) => Promise<string>;
}

type Found = { value: string } | { why: string | null };

/** The secrets of one run: each is looked up once, when first needed, and hidden from then on. */
export function createSecrets(sources: SecretSources): Secrets {
  const redactor = createRedactor();
  for (const name of sources.named ?? []) {
    const value = sources.env[name];
    if (isSet(value)) redactor.learn(name, value);
  }
  // What runs beside these files may read and print them, whether or not we do.
  for (const [name, source] of Object.entries(sources.config ?? {})) {
    const value = "file" in source ? contentOf(resolve(sources.directory, source.file)) : null;
    if (value !== null) redactor.learn(name, value);
  }
  const lookedUp = new Map<string, Promise<Found>>();

  async function lookUp(name: string): Promise<Found> {
    const found = await find(name, sources);
    if ("value" in found) redactor.learn(name, found.value);
    return found;
  }

  return {
    async get(name) {
      const looking = lookedUp.get(name) ?? lookUp(name);
      lookedUp.set(name, looking);
      const found = await looking;
      if ("value" in found) return found.value;
      throw new MissingSecret(name, found.why === null ? null : redactor.redact(found.why));
    },
    async has(name) {
      const source = sources.config?.[name];
      if (source && "command" in source) return true;
      if (source && (await isFile(resolve(sources.directory, source.file)))) return true;
      return isSet(sources.env[name]);
    },
    redact: (text) => redactor.redact(text),
  };
}

/** `secrets:` first; the environment also stands in for a source that gives nothing (a file that only some machines have). */
async function find(name: string, sources: SecretSources): Promise<Found> {
  const named = await fromSource(name, sources);
  if ("value" in named) return named;
  const value = sources.env[name];
  return isSet(value) ? { value } : named;
}

async function fromSource(name: string, { config, directory, readCommand }: SecretSources): Promise<Found> {
  const source = config?.[name];
  if (!source) return { why: null };
  try {
    const text =
      "file" in source
        ? await readTextFile(resolve(directory, source.file), source.file)
        : await readCommand(source.command);
    const value = text.replace(/\r?\n$/, "");
    return isSet(value) ? { value } : { why: `${shown(source)} is empty` };
  } catch (error) {
    return { why: error instanceof Error ? error.message : `${shown(source)} gave nothing` };
  }
}

type Source = SecretsSection[string];

function shown(source: Source): string {
  return "file" in source ? source.file : (source.command[0] ?? "the command");
}

/** An empty secret guards nothing: as good as not set. */
function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
