import { DatabaseFailed, type Dialect, type Parameter } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { raw, sql, textOf, type Fragment } from "../databases/sql.ts";
import { conditionOf } from "./filters.ts";
import { type Count, type Range, type Reading } from "./ledger.ts";
import { ACTIONS, COLUMNS, META, type KeptHandler } from "./record.ts";
import { asLedgerError } from "./recorder.ts";
import { entryOf } from "./row.ts";
import type { Seal } from "./sealing.ts";

/** Rows of one fetch. */
const PAGE = 500;
/** What the key of a kept `undo` begins with in `clawproof_meta`. */
export const HANDLER_KEY = "undo:";

/** What is read from: the ledger's own connection, or any that only reads (`Database`). */
export interface Source {
  dialect: Dialect;
  query<Row extends object>(statement: string, parameters: readonly Parameter[]): Promise<Row[]>;
}

export function createReading(source: Source, seal: Seal): Reading {
  const { dialect } = source;
  const name = (column: string): Fragment => raw(quoteName(dialect, column));
  const ask = async <Row extends object>(statement: Fragment): Promise<Row[]> => {
    try {
      return await source.query<Row>(textOf(statement, dialect), statement.values);
    } catch (error) {
      throw asLedgerError(error instanceof DatabaseFailed ? error : new DatabaseFailed(String(error)));
    }
  };
  const columns = raw(COLUMNS.map((column) => quoteName(dialect, column)).join(", "));
  const table = raw(ACTIONS);
  const order = raw(`order by ${quoteName(dialect, "started_at")} desc, ${quoteName(dialect, "id")} desc`);

  const beside = async (trace: string, comparison: "<=" | ">="): Promise<string[]> => {
    const direction = raw(comparison === "<=" ? "desc" : "asc");
    const rows = await ask<{ trace_id: unknown }>(
      sql`select ${name("trace_id")} from ${table} where ${name("trace_id")} ${raw(comparison)} ${trace} order by ${name("trace_id")} ${direction} limit 1`,
    );
    return rows.map(({ trace_id }) => String(trace_id));
  };

  return {
    async *entries(filter, { limit = Infinity } = {}) {
      const condition = conditionOf(dialect, filter);
      let after: Fragment = raw("1 = 1");
      for (let left = limit; left > 0;) {
        const size = Math.min(PAGE, left);
        const rows = await ask<Record<string, unknown>>(
          sql`select ${columns} from ${table} where ${condition} and ${after} ${order} limit ${raw(String(size))}`,
        );
        for (const row of rows) yield entryOf(row, seal);
        const last = rows.at(-1);
        if (last === undefined || rows.length < size) return;
        left -= rows.length;
        after = olderThan(last, name);
      }
    },
    async counts(filter) {
      const by = raw(
        ["type", "undo_class", "status", "undo_status"].map((column) => quoteName(dialect, column)).join(", "),
      );
      const rows = await ask<Record<string, unknown>>(
        sql`select ${by}, count(*) as n from ${table} where ${conditionOf(dialect, filter)} group by ${by} order by ${by}`,
      );
      return rows.map(({ n, ...words }) => ({ ...words, count: Number(n) }) as Count);
    },
    async nearestTrace(trace) {
      const near = [...(await beside(trace, "<=")), ...(await beside(trace, ">="))];
      const [first] = near.sort((a, b) => inCommon(b, trace) - inCommon(a, trace));
      return first ?? null;
    },
    async range(): Promise<Range> {
      const at = name("started_at");
      const [row] = await ask<{ first: unknown; last: unknown }>(
        sql`select min(${at}) as ${name("first")}, max(${at}) as ${name("last")} from ${table}`,
      );
      const time = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
      return { first: time(row?.first), last: time(row?.last) };
    },
    async handlers() {
      const rows = await ask<{ value: unknown }>(
        sql`select ${name("value")} from ${raw(META)} where ${name("key")} like ${`${HANDLER_KEY}%`} order by ${name("key")}`,
      );
      return rows.flatMap(({ value }) => handlerOf(String(value)) ?? []);
    },
  };
}

/** Where the next page begins. Two conditions on the time, so that the index leads there. */
function olderThan(last: Readonly<Record<string, unknown>>, name: (column: string) => Fragment): Fragment {
  // As the driver gave it: a damaged time must not lead to the same page for ever.
  const [at, id] = [last["started_at"] as Parameter, last["id"] as Parameter];
  return sql`${name("started_at")} <= ${at} and (${name("started_at")} < ${at} or ${name("id")} < ${id})`;
}

function inCommon(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

/** Null for what was damaged by hand: its type is without a handler then, and all others can be undone. */
function handlerOf(value: string): KeptHandler | null {
  try {
    const kept: unknown = JSON.parse(value);
    return typeof kept === "object" && kept !== null && "undo" in kept ? (kept as KeptHandler) : null;
  } catch {
    return null;
  }
}
