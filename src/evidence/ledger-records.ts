import { DatabaseFailed, type Value } from "../databases/database.ts";
import { ask, type Fragment, joined, raw, sql } from "../databases/sql.ts";
import { ACTIONS, type Column, type KeptHandler } from "../ledger/record.ts";
import { REDACTED_TEXT } from "../ledger/sealing.ts";
import type { RecordsOfType } from "./facts.ts";
import type { Gathering } from "./gathering.ts";
import { columnIn, newestWrite, type OpenLedger, withLedger } from "./ledger.ts";
import { MOST_TYPES } from "./records-queries.ts";
import { LACK_WORDS } from "./records-required.ts";

/** What our own ledger holds of an agent's writes. */
export interface LedgerRecords {
  types: RecordsOfType[];
  shown: string;
  /** One sentence for each type, for evidence. */
  sentences: string[];
}

/** What undoing can begin from: the state that the action gave, the rows that `sql` read itself, the name others gave to it. */
const KEPT: readonly Column[] = ["before", "captured", "reference"];

interface Counted {
  type: string;
  total: number;
  /** Of them those that were done. */
  done: number;
  /** Records that hold nothing to begin from: of those that were done, and of those that failed or never ended. */
  doneLacking: number;
  restLacking: number;
  irreversible: number;
}

/**
 * Counts the ledger's writes by type in the database itself. Refused ones did not happen; drills did. An action is given
 * its reference when it is done, so those that failed or never ended are held against it only where none was done yet.
 * Throws DatabaseFailed, MissingSecret or Unfilled.
 */
export function readLedgerRecords(gathering: Gathering): Promise<LedgerRecords> {
  return withLedger(gathering, async (ledger) => {
    const counted = await countWrites(ledger);
    const irreversible = await irreversibleTypes(ledger, counted, gathering);
    const recorded = new Set(counted.map(({ type }) => type));
    const unrecorded = [...irreversible.keys()].filter((type) => !recorded.has(type));
    const types = [...counted.map(recordsOf), ...unrecorded.map((type) => ({ type, total: 0, lacking: [] }))];
    const others = counted.length === 0 ? await otherAgents(ledger) : [];
    return {
      types: types.map((one) => withInstead(one, irreversible.get(one.type))),
      shown: ledger.shown,
      sentences: counted.length > 0 ? counted.map(sentence) : [nothingOf(ledger.agent, others)],
    };
  });
}

async function countWrites(ledger: OpenLedger): Promise<Counted[]> {
  const name = (column: Column): Fragment => columnIn(ledger, column);
  const lacks = joined(
    KEPT.map((column) => isMissing(name(column))),
    " and ",
  );
  const done = sql`${name("status")} = 'done'`;
  const rows = await ask<Record<keyof Counted, Value>>(
    ledger.database,
    sql`select ${name("type")} as ${raw("type")}, count(*) as total, count(case when ${done} then 1 end) as done,
      count(case when ${done} and ${lacks} then 1 end) as ${quoted(ledger, "doneLacking")},
      count(case when not ${done} and ${lacks} then 1 end) as ${quoted(ledger, "restLacking")},
      count(case when ${name("undo_class")} = 'irreversible' then 1 end) as irreversible
      from ${raw(ACTIONS)}
      where ${name("agent")} = ${ledger.agent} and ${name("effect")} <> 'read' and ${name("status")} <> 'refused'
      group by ${name("type")} order by ${name("type")} limit ${raw(String(MOST_TYPES + 1))}`,
  );
  if (rows.length > MOST_TYPES) throw new DatabaseFailed(`the ledger holds more than ${MOST_TYPES} action types`);
  return rows.map(({ type, ...counts }) => ({
    type: String(type),
    total: Number(counts.total),
    done: Number(counts.done),
    doneLacking: Number(counts.doneLacking),
    restLacking: Number(counts.restLacking),
    irreversible: Number(counts.irreversible),
  }));
}

const quoted = ({ database }: OpenLedger, alias: string): Fragment => raw(database.quote(alias));

/** Nothing, a text of no characters, or the mark that stands where all of it was redacted. The JSON value null is a value. */
const isMissing = (column: Fragment): Fragment => sql`(${column} is null or ${column} in ('', ${REDACTED_TEXT}))`;

const lackingOf = ({ done, doneLacking, restLacking }: Counted): number => (done > 0 ? doneLacking : restLacking);

function recordsOf(counted: Counted): RecordsOfType {
  const count = lackingOf(counted);
  return {
    type: counted.type,
    total: counted.total,
    lacking: count === 0 ? [] : [{ what: LACK_WORDS.either, count }],
  };
}

const withInstead = (one: RecordsOfType, irreversible: string | undefined): RecordsOfType =>
  irreversible === undefined ? one : { ...one, irreversible };

function sentence(counted: Counted): string {
  const { type, total, done, doneLacking, restLacking } = counted;
  const whole = total - doneLacking - restLacking;
  const aside = done > 0 && restLacking > 0 ? `; ${restLacking} that failed or never ended hold neither` : "";
  return `${type}: ${total} ${total === 1 ? "record" : "records"}, ${whole} with ${LACK_WORDS.either}${aside}`;
}

function nothingOf(agent: string, others: readonly string[]): string {
  return others.length === 0 ? "no records" : `no records of ${agent}, but of ${others.join(", ")}`;
}

/** A ledger that only knows other names is more likely a name written in two ways than an idle agent. */
async function otherAgents(ledger: OpenLedger): Promise<string[]> {
  const agent = columnIn(ledger, "agent");
  const rows = await ask<{ agent: Value }>(
    ledger.database,
    sql`select distinct ${agent} as agent from ${raw(ACTIONS)} limit 5`,
  );
  return rows.map((row) => String(row.agent)).filter((other) => other !== ledger.agent);
}

/** Types that cannot be taken back, with what a person must do: what clawproof.yaml says first, then the newest record. */
async function irreversibleTypes(
  ledger: OpenLedger,
  counted: readonly Counted[],
  { project }: Gathering,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const configured = project.config.rollback?.undo ?? {};
  for (const [type, undo] of Object.entries(configured)) {
    if ("irreversible" in undo) found.set(type, undo.irreversible);
  }
  const recorded = counted.filter(({ type, irreversible }) => irreversible > 0 && !Object.hasOwn(configured, type));
  const kept = recorded.length > 0 ? await ledger.reading.handlers() : [];
  for (const { type } of recorded) {
    const newest = await newestWrite(ledger, type);
    if (newest?.isIrreversible)
      found.set(type, insteadOf(kept, { agent: ledger.agent, version: newest.version, type }));
  }
  return found;
}

function insteadOf(kept: readonly KeptHandler[], { agent, version, type }: Omit<KeptHandler, "undo">): string {
  const handler = kept.find((one) => one.agent === agent && one.version === version && one.type === type);
  const undo = handler?.undo as { irreversible?: unknown } | null | undefined;
  return typeof undo?.irreversible === "string" ? undo.irreversible : "its records say so";
}
