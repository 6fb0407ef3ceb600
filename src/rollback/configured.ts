import type { Project } from "../config/project.ts";
import { MissingSecret, type Secrets } from "../config/secrets.ts";
import { isSameDatabase } from "../databases/address.ts";
import { contextOf } from "../doors/context.ts";
import type { KeptHandler } from "../ledger/record.ts";
import { Handlers } from "./handlers.ts";
import { Modules } from "./modules.ts";
import { Sessions } from "./sessions.ts";
import { UndoFailed } from "./undo-function.ts";

const STATEMENT_MS = 10_000;

/** Everything that taking back needs of a project. */
export interface Workshop {
  handlers: Handlers;
  sessions: Sessions;
  /** Why the guard's functions cannot be had; null where they can, or none are named. */
  guardFailed: string | null;
  close(): Promise<void>;
}

export interface WorkshopOptions {
  project: Project;
  kept: readonly KeptHandler[];
  /** Fills a database's URL in. */
  fillUrl: (text: string) => Promise<string>;
  /** For a plan alone: the databases are opened to be read. */
  readOnly?: boolean | undefined;
  /** Ends what is read. */
  signal?: AbortSignal | undefined;
}

/** Sets up the handlers that clawproof.yaml, the ledger and the agent's guard offer. */
export async function openWorkshop(options: WorkshopOptions): Promise<Workshop> {
  const { project, kept, fillUrl, readOnly, signal } = options;
  const { config, directory, env, secrets } = project;
  const modules = new Modules({ directory, env });
  const sessions = new Sessions({ statementTimeoutMs: STATEMENT_MS, directory, secrets, readOnly, signal });
  const rollback = config.rollback ?? {};
  const written = Object.values(rollback.undo ?? {}).flatMap((undo) => ("sql" in undo ? [undo.sql.database] : []));
  const own = [rollback.ledger ?? "", ...written];
  const { guard, failed } = await guardOf(rollback.guard, modules);
  const context = contextOf(project, {}, signal ? { signal } : {});
  const handlers = new Handlers({
    configured: rollback.undo ?? {},
    placeOf: (type) => {
      const { file, line } = project.where(["rollback", "undo", type]);
      return `${file}:${line}`;
    },
    kept,
    guard,
    modules,
    context,
    keptContext: { ...context, secrets: onlyOf(secrets, config.agent.credentials ?? []) },
    databaseOf: (url, isKept) => databaseOf(url, isKept, { own, fillUrl }),
    irreversible: new Map(
      (config.agent.actions ?? []).flatMap(({ type, irreversible }) =>
        irreversible === undefined ? [] : [[type, irreversible] as const],
      ),
    ),
  });
  return {
    handlers,
    sessions,
    guardFailed: failed,
    async close() {
      await Promise.all([sessions.close(), modules.close()]);
    },
  };
}

async function guardOf(written: string | undefined, modules: Modules) {
  if (written === undefined) return { guard: null, failed: null };
  try {
    return { guard: { ...(await modules.guard(written)), source: written }, failed: null };
  } catch (error) {
    if (error instanceof UndoFailed) return { guard: null, failed: error.message };
    throw error;
  }
}

/** The ledger keeps no password: the one of the configuration that names the same database is used. */
async function databaseOf(
  url: string,
  isKept: boolean,
  { own, fillUrl }: Pick<WorkshopOptions, "fillUrl"> & { own: readonly string[] },
): Promise<string> {
  try {
    if (!isKept) return await fillUrl(url);
    for (const candidate of own) {
      const filled = await fillUrl(candidate).catch(() => "");
      if (isSameDatabase(url, filled)) return filled;
    }
    return url;
  } catch (error) {
    throw new UndoFailed(error instanceof Error ? error.message : String(error));
  }
}

/** Secrets of some names alone, and what hides all of them. */
function onlyOf(secrets: Secrets, names: readonly string[]): Secrets {
  const allowed = new Set(names);
  return {
    get: (name) =>
      allowed.has(name)
        ? secrets.get(name)
        : Promise.reject(new MissingSecret(name, "what the ledger holds may use agent.credentials alone")),
    has: async (name) => allowed.has(name) && secrets.has(name),
    redact: (text) => secrets.redact(text),
  };
}
