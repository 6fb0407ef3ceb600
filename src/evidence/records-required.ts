import type { RecordsTable } from "../config/schema.ts";
import { DatabaseFailed } from "../databases/database.ts";
import type { Requirement } from "./facts.ts";

/** What a record can lack; `either` is the default requirement, a previous value or a reference. */
export type Lack = Requirement | "either";

/** What a record without it lacks, as messages say it. */
export const LACK_WORDS: Record<Lack, string> = {
  trace: "a trace ID",
  previous: "a previous value",
  reference: "a reference",
  at: "a time",
  either: "a previous value or a reference",
};

/**
 * What records of this type must hold: `require` where it names the type, else a previous value or a reference; and, where
 * a column for it is configured, always a trace ID, without which no rollback finds the record.
 * Throws DatabaseFailed where no configured column holds it.
 */
export function requiredOf(table: RecordsTable, type: string): Lack[] {
  const own = table.require?.[type];
  const required = new Set<Lack>(own ?? ["either"]);
  if (table.columns.trace !== undefined) required.add("trace");
  for (const lack of required) {
    if (columnsOf(table, lack).length === 0) throw new DatabaseFailed(unnamed(lack, type, own !== undefined));
  }
  return [...required];
}

/** The configured columns of which one must hold a value. */
export function columnsOf({ columns }: RecordsTable, lack: Lack): string[] {
  const candidates = lack === "either" ? [columns.previous, columns.reference] : [columns[lack]];
  return candidates.filter((column) => column !== undefined);
}

function unnamed(lack: Lack, type: string, asked: boolean): string {
  const what = lack === "either" ? "neither previous nor reference" : `no ${lack}`;
  return `rollback.records.columns names ${what}, which ${asked ? "require asks" : "is needed"} of ${type}`;
}
