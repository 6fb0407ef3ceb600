import { type Database, DatabaseFailed, type Value } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { ask, type Fragment, raw, sql } from "../databases/sql.ts";
import { LedgerError, type Reading } from "../ledger/ledger.ts";
import { readLedger } from "../ledger/open.ts";
import { ACTIONS, type Column } from "../ledger/record.ts";
import type { Gathering } from "./gathering.ts";
import { databaseUrl, openForReading } from "./records-tables.ts";

/** clawproof's own ledger (`rollback.ledger`), open to be read. */
export interface OpenLedger {
  database: Database;
  reading: Reading;
  /** As evidence names it: `sqlite:actions.db clawproof_actions`. */
  shown: string;
  /** Whose actions are judged: other agents may share the ledger. */
  agent: string;
}

/** Opens the ledger read-only, and closes it afterwards. Throws DatabaseFailed, MissingSecret or Unfilled. */
export async function withLedger<T>(gathering: Gathering, use: (ledger: OpenLedger) => Promise<T>): Promise<T> {
  const { secrets, config } = gathering.project;
  const url = await databaseUrl(gathering, config.rollback?.ledger ?? "");
  const database = await openForReading(gathering, url);
  try {
    const reading = await readLedger(database);
    const shown = secrets.redact(`${database.shown} ${ACTIONS}`);
    return await use({ database, reading, shown, agent: config.agent.name });
  } catch (error) {
    if (error instanceof LedgerError) throw new DatabaseFailed(error.message);
    throw error;
  } finally {
    await database.close();
  }
}

/** A column of `clawproof_actions`, quoted for the ledger's dialect. */
export const columnIn = ({ database }: OpenLedger, name: Column): Fragment => raw(quoteName(database.dialect, name));

/** What the newest write of a type says that was done. */
export interface NewestWrite {
  id: string;
  version: string | null;
  isIrreversible: boolean;
}

/** The newest write of a type that was done; null where there is none. Throws DatabaseFailed. */
export async function newestWrite(ledger: OpenLedger, type: string): Promise<NewestWrite | null> {
  const name = (column: Column): Fragment => columnIn(ledger, column);
  const [row] = await ask<{ id: Value; version: Value; undo_class: Value }>(
    ledger.database,
    sql`select ${name("id")} as id, ${name("version")} as version, ${name("undo_class")} as undo_class from ${raw(ACTIONS)}
      where ${name("type")} = ${type} and ${name("agent")} = ${ledger.agent} and ${name("effect")} <> 'read'
      and ${name("status")} = 'done' order by ${name("started_at")} desc, ${name("id")} desc limit 1`,
  );
  if (row === undefined) return null;
  const version = row.version === null ? null : String(row.version);
  return { id: String(row.id), version, isIrreversible: row.undo_class === "irreversible" };
}
