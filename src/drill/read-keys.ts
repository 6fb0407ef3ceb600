import type { Project } from "../config/project.ts";
import { contextOf } from "../doors/context.ts";
import { KeyRefused, type PublicKey, readPublicKey } from "./keys.ts";

/** The keys of `drills.keys` that could be read, and why others could not. */
export interface ReadKeys {
  keys: PublicKey[];
  problems: string[];
}

/** Reads the keys that may sign drills; one that cannot be read costs itself alone. */
export async function readKeys(
  project: Project,
  { signal, offline = false }: { signal?: AbortSignal; offline?: boolean } = {},
): Promise<ReadKeys> {
  const read: ReadKeys = { keys: [], problems: [] };
  const sources = project.config.drills?.keys ?? [];
  if (sources.length === 0) return read;
  const { isOffline, readSource, SourceFailed } = await import("../doors/source.ts");
  for (const source of sources) {
    if (offline && !isOffline(source)) {
      read.problems.push("--offline opens no connection, and a key of drills.keys needs one");
      continue;
    }
    try {
      const { text, shown } = await readSource(source, contextOf(project, {}, signal ? { signal } : {}));
      read.keys.push(readPublicKey(text, shown));
    } catch (error) {
      if (!(error instanceof SourceFailed || error instanceof KeyRefused)) throw error;
      read.problems.push(error.message);
    }
  }
  return read;
}
