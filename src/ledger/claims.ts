import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { raw, sql, textOf, type Fragment } from "../databases/sql.ts";
import { type Answer, type Run, StatementRefused, type Writer } from "../databases/writing/writer.ts";
import { amongIds, inPieces, lockedRows, lockIds, takenRows, type WholeRow } from "./by-id.ts";
import { LedgerError, type Claim, type Claiming, type StepEnd, type Wanted } from "./ledger.ts";
import { ACTIONS, RUNS, type Entry, type RunRecord, type UndoStatus } from "./record.ts";
import { asLedgerError } from "./recorder.ts";
import { entryOf, entryOfList } from "./row.ts";
import type { Seal } from "./sealing.ts";

/** Whoever has not said for so long that it lives is dead. */
export const DEAD_AFTER_MS = 30_000;

/** Epoch milliseconds by the database's clock, which all runs share; the machine's own in SQLite. */
const NOW: Record<Dialect, string> = {
  sqlite: "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
  postgres: "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)",
  mysql: "cast(unix_timestamp(sysdate(3)) * 1000 as signed)",
};

export function createClaiming(writer: Writer, seal: Seal, newId: () => string): Claiming {
  const { dialect } = writer;
  const now = raw(NOW[dialect]);
  const name = (column: string): Fragment => raw(quoteName(dialect, column));
  const ask = <R extends object>(run: Run, statement: Fragment): Promise<Answer<R>> =>
    run<R>(textOf(statement, dialect), statement.values);
  const said = async <T>(work: () => Promise<T>): Promise<T> =>
    work().catch((error: unknown) => Promise.reject(asLedgerError(error)));

  const runsWhere = async (run: Run, condition: Fragment): Promise<(RunRecord & { lives: boolean })[]> => {
    const { rows } = await ask<Record<string, unknown>>(
      run,
      sql`select ${columnsOf(dialect)}, ${now} as ${name("now")} from ${raw(RUNS)} where ${condition} order by ${name("started_at")}, ${name("id")}`,
    );
    return rows.map(runOf);
  };
  const beat = async (run: Run, id: string): Promise<boolean> => {
    const [before] = await runsWhere(run, sql`${name("id")} = ${id}`);
    const { changed } = await ask(
      run,
      sql`update ${raw(RUNS)} set ${name("heartbeat")} = ${now} where ${name("id")} = ${id} and ${name("ended_at")} is null`,
    );
    return changed > 0 && before?.lives === true;
  };
  const claim = async (inside: Run, run: string, wanted: readonly Wanted[]): Promise<Claimed> => {
    const claimed: Claimed = { claims: new Map(), entries: new Map() };
    const left = new Map(wanted.flatMap(({ ids, from }) => ids.map((id) => [id, from] as const)));
    if (dialect === "sqlite") {
      for (const row of await takenRows(inside, run, wanted)) {
        const id = String(row[0]);
        claimed.claims.set(id, { claimed: true, resumed: false, takenFrom: null });
        claimed.entries.set(id, entryOfList(row, seal));
        left.delete(id);
      }
    }
    const rows = new Map((await lockedRows(inside, dialect, [...left.keys()])).map((row) => [String(row["id"]), row]));
    const holders = [...rows.values()].flatMap((row) =>
      row["undo_status"] === "undoing" ? [holderOf(row) ?? ""] : [],
    );
    const known = await runsWhere(inside, amongIds(dialect, name("id"), [...new Set([run, ...holders])]));
    if (known.find(({ id }) => id === run)?.ended_at !== null)
      throw new LedgerError(`the run ${run} is not known, or has ended`);
    await ask(inside, sql`update ${raw(RUNS)} set ${name("heartbeat")} = ${now} where ${name("id")} = ${run}`);
    const taken: string[] = [];
    for (const [id, from] of left) {
      const row = rows.get(id);
      const own = row === undefined ? NOT_THERE : claimOf(row, run, from, known);
      claimed.claims.set(id, own);
      if (row === undefined || !own.claimed) continue;
      taken.push(id);
      claimed.entries.set(id, entryOf(Object.assign(row, { undo_status: "undoing", undo_run: run }), seal));
    }
    for (const piece of inPieces(dialect, taken)) {
      await ask(
        inside,
        sql`update ${raw(ACTIONS)} set ${name("undo_status")} = 'undoing', ${name("undo_run")} = ${run} where ${amongIds(dialect, name("id"), piece)}`,
      );
    }
    return claimed;
  };
  const finish = async (inside: Run, run: string, ends: readonly StepEnd[]): Promise<void> => {
    const mine = sql`${name("undo_status")} = 'undoing' and ${name("undo_run")} = ${run}`;
    // In one order with whoever claims; SQLite's writing transactions hold the whole file.
    if (dialect !== "sqlite")
      await lockIds(
        inside,
        dialect,
        ends.map(({ id }) => id),
      );
    for (const group of alike(ends)) {
      const [{ status, error = null }] = group;
      const undone = status === "undone" || status === "unverified" ? now : name("undone_at");
      const ids = group.map(({ id }) => id);
      for (const piece of inPieces(dialect, ids)) {
        await ask(
          inside,
          sql`update ${raw(ACTIONS)} set ${name("undo_status")} = ${status}, ${name("undo_error")} = ${error}, ${name("undone_at")} = ${undone} where ${amongIds(dialect, name("id"), piece)} and ${mine}`,
        );
      }
    }
  };

  return {
    startRun: ({ owner, plan = null }) =>
      said(async () => {
        const id = newId();
        await ask(
          writer.run,
          sql`insert into ${raw(RUNS)} (${columnsOf(dialect)}) values (${id}, ${owner}, ${plan}, ${now}, ${now}, ${null})`,
        );
        const [started] = await runsWhere(writer.run, sql`${name("id")} = ${id}`);
        if (started === undefined) throw new LedgerError(`the run ${id} was written, and is not there`);
        return recordOf(started);
      }),
    heartbeat: (run) => said(() => writer.transaction((inside) => beat(inside, run))),
    endRun: (run) =>
      said(async () => {
        await ask(
          writer.run,
          sql`update ${raw(RUNS)} set ${name("ended_at")} = ${now} where ${name("id")} = ${run} and ${name("ended_at")} is null`,
        );
      }),
    runs: () => said(async () => (await runsWhere(writer.run, raw("1 = 1"))).map(recordOf)),
    turn: (run, { ends = [], wanted = [] }) =>
      said(() => {
        const both = (): Promise<Claimed> =>
          writer.transaction(async (inside) => {
            if (ends.length > 0) await finish(inside, run, ends);
            return wanted.length > 0 ? claim(inside, run, wanted) : { claims: new Map(), entries: new Map() };
          });
        // Of two that wait for each other, as a run and an agent whose ends the server takes in an order of its own, the
        // server refuses one and undoes it.
        return both().catch((error: unknown) => {
          if (error instanceof StatementRefused) return both();
          throw error;
        });
      }),
  };
}

interface Claimed {
  claims: Map<string, Claim>;
  entries: Map<string, Entry>;
}

const holderOf = (row: WholeRow): string | null => (typeof row["undo_run"] === "string" ? row["undo_run"] : null);
const NOT_THERE: Claim = { claimed: false, status: null, heldBy: null };

function claimOf(
  row: WholeRow,
  run: string,
  from: readonly UndoStatus[],
  known: readonly (RunRecord & { lives: boolean })[],
): Claim {
  const holder = holderOf(row);
  // Of a damaged one it is none to begin from.
  const status = row["undo_status"] as UndoStatus;
  if (status !== "undoing") {
    return from.includes(status)
      ? { claimed: true, resumed: false, takenFrom: null }
      : { claimed: false, status, heldBy: null };
  }
  if (holder === run) return { claimed: true, resumed: true, takenFrom: null };
  const other = known.find(({ id }) => id === holder);
  if (other?.lives === true) return { claimed: false, status, heldBy: recordOf(other) };
  return { claimed: true, resumed: true, takenFrom: holder };
}

/** Ends with the same status and words share a statement. */
function alike(ends: readonly StepEnd[]): [StepEnd, ...StepEnd[]][] {
  const groups = new Map<string, [StepEnd, ...StepEnd[]]>();
  for (const end of ends) {
    const key = `${end.status} ${end.error ?? "\u0000"}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [end]);
    else group.push(end);
  }
  return [...groups.values()];
}

const RUN_COLUMNS = ["id", "owner", "plan", "started_at", "heartbeat", "ended_at"] as const;
const columnsOf = (dialect: Dialect): Fragment =>
  raw(RUN_COLUMNS.map((column) => quoteName(dialect, column)).join(", "));

function runOf(row: Readonly<Record<string, unknown>>): RunRecord & { lives: boolean } {
  const ended = row["ended_at"] === null ? null : Number(row["ended_at"]);
  const heartbeat = Number(row["heartbeat"]);
  return {
    id: String(row["id"]),
    owner: String(row["owner"]),
    plan: typeof row["plan"] === "string" ? row["plan"] : null,
    started_at: Number(row["started_at"]),
    heartbeat,
    ended_at: ended,
    lives: ended === null && Number(row["now"]) - heartbeat <= DEAD_AFTER_MS,
  };
}

function recordOf({ lives: _, ...record }: RunRecord & { lives: boolean }): RunRecord {
  return record;
}
