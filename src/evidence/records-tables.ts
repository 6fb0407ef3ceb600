import { describeDatabase } from "../databases/address.ts";
import { type Database, DatabaseFailed } from "../databases/database.ts";
import { openDatabase } from "../databases/open.ts";
import type { RecordsTable } from "../config/schema.ts";
import { fill } from "../config/template.ts";
import type { Gathering } from "./gathering.ts";

/** Limit of one statement; a table of five million rows takes two seconds on a quiet machine. Milliseconds. */
const STATEMENT_LIMIT_MS = 20_000;

/** A configured table of rollback records, and the open database that holds it. */
export interface OpenTable {
  table: RecordsTable;
  database: Database;
  /** What stands after `from`: the quoted name of the table, or the query in brackets. */
  from: string;
  /** As evidence names it: `sqlite:agent.db rollback_records`. */
  shown: string;
}

export type OpenTables = readonly OpenTable[];

/** The configured tables, whether one or a list stands there. */
export function recordTables({ project }: Gathering): RecordsTable[] {
  const records = project.config.rollback?.records;
  return records === undefined ? [] : [records].flat();
}

/**
 * Opens the databases of all configured tables, read-only and each once, and closes them afterwards.
 * Throws DatabaseFailed, MissingSecret or Unfilled.
 */
export async function withRecordTables<T>(gathering: Gathering, use: (tables: OpenTables) => Promise<T>): Promise<T> {
  const open = new Map<string, Database>();
  try {
    const tables: OpenTable[] = [];
    const configured = recordTables(gathering);
    for (const table of configured) {
      const url = await databaseUrl(gathering, table.database);
      const database =
        open.get(url) ?? (await named(configured, describeDatabase(url), () => openForReading(gathering, url)));
      open.set(url, database);
      tables.push(openTable(gathering, table, database));
    }
    return await use(tables);
  } finally {
    await Promise.all([...open.values()].map((database) => database.close()));
  }
}

/** Where several tables are configured, an error says which of them it is about. */
export async function named<T>(tables: readonly unknown[], shown: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tables.length < 2 || !(error instanceof DatabaseFailed)) throw error;
    throw new DatabaseFailed(`${shown}: ${error.why}`);
  }
}

/** The URL of a database as clawproof.yaml writes it, filled in. Throws MissingSecret or Unfilled. */
export async function databaseUrl({ project }: Gathering, written: string): Promise<string> {
  const filling = { secrets: project.secrets, placeholders: placeholdersOf(project.environment) };
  return fill(written, filling, /^\s*sqlite:/i.test(written) ? "none" : "url");
}

const placeholdersOf = (environment: string | null) => (environment === null ? {} : { environment });

/** Opens a database through a connection that cannot write. Throws DatabaseFailed. */
export async function openForReading({ project, signal }: Gathering, url: string): Promise<Database> {
  const options = {
    mode: "read-only" as const,
    statementTimeoutMs: STATEMENT_LIMIT_MS,
    directory: project.directory,
    secrets: project.secrets,
    signal,
  };
  return openDatabase(url, options);
}

function openTable({ project }: Gathering, table: RecordsTable, database: Database): OpenTable {
  const shown = project.secrets.redact(`${database.shown} ${table.table ?? "query"}`);
  return { table, database, from: sourceOf(table, database), shown };
}

function sourceOf({ table, query }: RecordsTable, database: Database): string {
  if (table !== undefined && query === undefined) return database.quote(table);
  if (table === undefined && query !== undefined) return `(${withoutSemicolon(query)}\n) as records`;
  throw new DatabaseFailed("rollback.records needs either a table or a query");
}

/** The line break after it keeps a comment at the query's end from swallowing the bracket. */
const withoutSemicolon = (query: string): string => query.replace(/[\s;]+$/, "");
