import { absent, type Evidence, failed, found, withheld } from "../audit/fact.ts";
import { MissingSecret } from "../config/secrets.ts";
import { Unfilled } from "../config/template.ts";
import { DatabaseFailed } from "../databases/database.ts";
import type { RecordsFacts, RecordsOfType } from "./facts.ts";
import type { Gather, Gathering } from "./gathering.ts";
import type { LedgerRecords } from "./ledger-records.ts";
import { type Counted, countRecords } from "./records-queries.ts";
import { LACK_WORDS } from "./records-required.ts";
import { named, type OpenTable, withRecordTables } from "./records-tables.ts";

/** What one table holds. */
interface Reading {
  shown: string;
  counted: Counted[];
  untyped: number;
}

/** Reads from the rollback tables, by action type, how many records there are and how many lack what undoing needs. */
export const gatherRecords: Gather<"records"> = async (gathering) => {
  const { project, mode } = gathering;
  const rollback = project.config.rollback;
  if (rollback?.records === undefined && rollback?.ledger === undefined) {
    return absent("rollback.records is not configured", project.where(["rollback"]));
  }
  const place = project.where(["rollback", rollback.records === undefined ? "ledger" : "records"]);
  if (mode === "offline") return withheld("--offline opens no database", place);
  try {
    const readings = await withRecordTables(gathering, readTables);
    // Whoever names both is on the way from one to the other: what either holds counts.
    const ledger = rollback.ledger === undefined ? null : await fromLedger(gathering);
    return found(factsFrom(readings, ledger), evidenceFrom(readings, ledger, gathering), place);
  } catch (error) {
    if (isKnown(error)) return failed(project.secrets.redact(error.message), place);
    throw error;
  }
};

const isKnown = (error: unknown): error is Error =>
  error instanceof DatabaseFailed || error instanceof MissingSecret || error instanceof Unfilled;

async function readTables(tables: readonly OpenTable[]): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const table of tables) {
    readings.push({ shown: table.shown, ...(await named(tables, table.shown, () => countRecords(table))) });
  }
  return readings;
}

async function fromLedger(gathering: Gathering): Promise<LedgerRecords> {
  const { readLedgerRecords } = await import("./ledger-records.ts");
  return readLedgerRecords(gathering);
}

function factsFrom(readings: Reading[], ledger: LedgerRecords | null): RecordsFacts {
  const types = new Map<string, Map<string, number>>();
  const totals = new Map<string, number>();
  for (const { type, total, lacking } of readings.flatMap(({ counted }) => counted)) {
    totals.set(type, (totals.get(type) ?? 0) + total);
    const counts = types.get(type) ?? new Map<string, number>();
    types.set(type, counts);
    for (const { lack, count } of lacking) counts.set(LACK_WORDS[lack], (counts.get(LACK_WORDS[lack]) ?? 0) + count);
  }
  const ofTables = [...types].map(([type, counts]) => recordsOf(type, totals.get(type) ?? 0, counts));
  return {
    types: (ledger?.types ?? []).reduce(withLedgerType, ofTables),
    source: [...readings, ...(ledger ? [ledger] : [])].map(({ shown }) => shown).join(", "),
  };
}

function withLedgerType(types: RecordsOfType[], one: RecordsOfType): RecordsOfType[] {
  const other = types.find(({ type }) => type === one.type);
  if (other === undefined) return [...types, one];
  const lacking = [...other.lacking];
  for (const { what, count } of one.lacking) {
    const known = lacking.findIndex((lack) => lack.what === what);
    const before = lacking[known]?.count ?? 0;
    lacking.splice(known < 0 ? lacking.length : known, known < 0 ? 0 : 1, { what, count: before + count });
  }
  return types.map((each) => (each === other ? { ...one, total: other.total + one.total, lacking } : each));
}

function recordsOf(type: string, total: number, counts: Map<string, number>): RecordsOfType {
  const lacking = [...counts].filter(([, count]) => count > 0).map(([what, count]) => ({ what, count }));
  return { type, total, lacking };
}

function evidenceFrom(readings: Reading[], ledger: LedgerRecords | null, { clock }: Gathering): Evidence[] {
  const at = new Date(clock.now()).toISOString();
  const inspected = (source: string, fact: string): Evidence => ({ level: "inspected", source, fact, at });
  const ofTables = readings.flatMap(({ shown, counted, untyped }) => {
    const facts = counted.map(sentence);
    if (untyped > 0) facts.push(`${records(untyped)} without an action type`);
    if (facts.length === 0) facts.push("no records");
    return facts.map((fact) => inspected(shown, fact));
  });
  return [...ofTables, ...(ledger?.sentences ?? []).map((fact) => inspected(ledger?.shown ?? "", fact))];
}

function sentence({ type, total, whole, lacking }: Counted): string {
  // A trace ID is not worth a word where all have one, unless nothing else is asked for.
  const told = lacking.filter(({ lack, count }) => lack !== "trace" || count > 0 || lacking.length === 1);
  return `${type}: ${records(total)}, ${whole} with ${told.map(({ lack }) => LACK_WORDS[lack]).join(" and ")}`;
}

const records = (count: number): string => `${count} ${count === 1 ? "record" : "records"}`;
