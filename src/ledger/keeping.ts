import { quoteName } from "../databases/identifiers.ts";
import { list, raw, sql, textOf, type Fragment } from "../databases/sql.ts";
import type { Run, Writer } from "../databases/writing/writer.ts";
import type { Keeping } from "./ledger.ts";
import { ACTIONS } from "./record.ts";
import { asLedgerError } from "./recorder.ts";

/** Rows of one look, and of one commit at most: whoever records waits for no more than that. */
const BATCH = 500;

interface Old {
  id: string;
  started_at: number | string;
  droppable: number | string | boolean;
}

export function createKeeping(writer: Writer, now: () => number): Keeping {
  const { dialect } = writer;
  const name = (column: string): Fragment => raw(quoteName(dialect, column));
  const run = <Row extends object>(on: Run, statement: Fragment) =>
    on<Row>(textOf(statement, dialect), statement.values);

  /** What was only read, refused, taken back, can never be, or no longer. What a run holds is never dropped. */
  const droppable = (): Fragment => sql`${name("undo_status")} <> 'undoing' and (
    ${name("effect")} = 'read' or ${name("status")} = 'refused' or ${name("undo_class")} = 'irreversible'
    or ${name("undo_status")} in ('undone', 'unverified') or ${name("undo_until")} <= ${now()})`;

  return {
    async dropBefore(time) {
      let dropped = 0;
      let after: Fragment = raw("1 = 1");
      try {
        for (;;) {
          const { rows } = await run<Old>(
            writer.run,
            sql`select ${name("id")}, ${name("started_at")}, case when ${droppable()} then 1 else 0 end as droppable
              from ${raw(ACTIONS)} where ${name("started_at")} < ${time} and ${after}
              order by ${name("started_at")}, ${name("id")} limit ${raw(String(BATCH))}`,
          );
          const ids = rows.filter((row) => Number(row.droppable) === 1).map(({ id }) => id);
          if (ids.length > 0) {
            // Looked at once more: a run may have claimed one of them meanwhile.
            const deletion = sql`delete from ${raw(ACTIONS)} where ${name("id")} in (${list(ids)}) and ${droppable()}`;
            dropped += (await run(writer.run, deletion)).changed;
          }
          const last = rows.at(-1);
          if (last === undefined || rows.length < BATCH) return dropped;
          const [at, id] = [last.started_at, last.id];
          after = sql`${name("started_at")} >= ${at} and (${name("started_at")} > ${at} or ${name("id")} > ${id})`;
          // Whoever records goes first.
          await new Promise((resolve) => setImmediate(resolve));
        }
      } catch (error) {
        throw asLedgerError(error);
      }
    },
  };
}
