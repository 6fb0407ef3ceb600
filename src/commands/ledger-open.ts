import { DatabaseFailed, type Database } from "../databases/database.ts";
import { openDatabase } from "../databases/open.ts";
import type { Project } from "../config/project.ts";
import { MissingSecret } from "../config/secrets.ts";
import { fill, Unfilled } from "../config/template.ts";
import { keysOf } from "../ledger/environment-key.ts";
import { type Filter, type Ledger, LedgerError, type Reading } from "../ledger/ledger.ts";
import { openLedger, readLedger } from "../ledger/open.ts";
import type { SealKey } from "../ledger/sealing-fields.ts";
import { bothMoments, windowWords } from "../values/moment.ts";
import { UsageError } from "./usage-error.ts";
import type { Surroundings } from "./surroundings.ts";
import { type ProjectFlags, toldProject } from "./told-project.ts";

const TIMEOUT_MS = 10_000;

/** Nothing was tried; the message is for a person. Exit status 2. */
export class NothingTried extends Error {
  override name = "NothingTried";
}

/** The project that names a ledger. Throws UsageError, InvalidConfig. */
export async function projectWithLedger(
  flags: ProjectFlags,
  surroundings: Pick<Surroundings, "cwd" | "env" | "stderr">,
): Promise<Project> {
  const project = await toldProject(flags, surroundings);
  if (project.config.rollback?.ledger !== undefined) return project;
  throw new UsageError(`${project.shownFile} names no ledger: rollback: { ledger: "sqlite:actions.db" }`);
}

/** A text of the configuration, filled in. Throws NothingTried where a secret is missing. */
export async function filled(text: string, { secrets, environment }: Project): Promise<string> {
  try {
    return await fill(text, { secrets, placeholders: environment === null ? {} : { environment } });
  } catch (error) {
    if (error instanceof MissingSecret || error instanceof Unfilled) throw new NothingTried(error.message);
    throw error;
  }
}

export interface OpenReading {
  reading: Reading;
  shown: string;
  close: () => Promise<void>;
}

/** The project's ledger, through a connection that cannot write. Throws NothingTried. */
export async function openReading(project: Project, signal: AbortSignal): Promise<OpenReading> {
  const url = await filled(project.config.rollback?.ledger ?? "", project);
  const { directory, secrets } = project;
  const keys = keysFor(project);
  return telling(project, async () => {
    const database: Database = await openDatabase(url, {
      mode: "read-only",
      statementTimeoutMs: TIMEOUT_MS,
      directory,
      secrets,
      signal,
    });
    try {
      return { reading: await readLedger(database, { keys }), shown: database.shown, close: () => database.close() };
    } catch (error) {
      await database.close();
      throw error;
    }
  });
}

/** The project's ledger, to claim steps in; it is not made where there is none. Throws NothingTried. */
export async function openWriting(project: Project): Promise<Ledger> {
  const url = await filled(project.config.rollback?.ledger ?? "", project);
  const keys = keysFor(project);
  return telling(project, () =>
    openLedger(url, { directory: project.directory, create: false, timeoutMs: TIMEOUT_MS, keys }),
  );
}

/** Throws NothingTried. */
function keysFor({ env }: Project): SealKey[] {
  try {
    return keysOf(env);
  } catch (error) {
    if (error instanceof LedgerError) throw new NothingTried(error.message);
    throw error;
  }
}

/** Says what a ledger could not do as NothingTried. */
export async function telling<T>(project: Project, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LedgerError || error instanceof DatabaseFailed) {
      const { file, line } = project.where(["rollback", "ledger"]);
      const why = error.message.replace(/^the ledger failed: /, "");
      throw new NothingTried(project.secrets.redact(`the ledger (${file}:${line}) cannot be used: ${why}`));
    }
    throw error;
  }
}

/** What to say where a filter finds nothing: the nearest trace, or what the ledger spans. */
export async function nothingMatched(reading: Reading, { traces, ...rest }: Filter): Promise<string> {
  const range = await reading.range();
  if (range.first === null || range.last === null) return "the ledger is empty";
  const spans = `the ledger spans ${bothMoments(range.first)} to ${bothMoments(range.last)}`;
  const [trace] = traces ?? [];
  if (trace === undefined) return `${["nothing matches", ...windowWords(rest)].join(" ")}; ${spans}`;
  const isKnown = (await reading.counts({ traces })).length > 0;
  if (isKnown) {
    const others = Object.entries(rest).filter(([, value]) => value !== undefined && value !== "write");
    const conditions = `the other ${others.length === 1 ? "condition" : "conditions"}`;
    return ["the trace is known, but nothing in it matches", conditions, ...windowWords(rest)].join(" ");
  }
  const near = await reading.nearestTrace(trace);
  return `no trace ${trace} is known${near === null ? "" : `; did you mean ${near}?`} (${spans})`;
}
