import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { list, raw, sql, textOf, type Fragment } from "../databases/sql.ts";
import type { Answer, Run, Writer } from "../databases/writing/writer.ts";
import { LedgerError, type Claim, type Claiming, type StepEnd, type Wanted } from "./ledger.ts";
import { ACTIONS, RUNS, type RunRecord, type UndoStatus } from "./record.ts";
import { asLedgerError } from "./recorder.ts";

/** Whoever has not said for so long that it lives is dead. */
export const DEAD_AFTER_MS = 30_000;
/** What a step may be before it is claimed, where the caller does not say. */
const FROM: readonly UndoStatus[] = ["none", "failed", "conflict"];

/** Epoch milliseconds by the database's clock, which all runs share; the machine's own in SQLite. */
const NOW: Record<Dialect, string> = {
  sqlite: "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
  postgres: "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)",
  mysql: "cast(unix_timestamp(sysdate(3)) * 1000 as signed)",
};

interface Row {
  id: string;
  undo_status: UndoStatus;
  undo_run: string | null;
}

export function createClaiming(writer: Writer, newId: () => string): Claiming {
  const { dialect } = writer;
  const now = raw(NOW[dialect]);
  const forUpdate = raw(dialect === "sqlite" ? "" : " for update");
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
  const locked = async (run: Run, ids: readonly string[], more: Fragment): Promise<Row[]> => {
    const { rows } = await ask<Row>(
      run,
      // In one order, so that two runs wait for each other rather than lock each other out.
      sql`select ${name("id")}, ${name("undo_status")}, ${name("undo_run")} from ${raw(ACTIONS)} where ${amongIds(name("id"), ids)} and ${more} order by ${name("id")}${forUpdate}`,
    );
    return rows;
  };
  const claim = async (inside: Run, run: string, wanted: readonly Wanted[]): Promise<Map<string, Claim>> => {
    await beat(inside, run);
    const asked = new Map(wanted.flatMap(({ ids, from }) => ids.map((id) => [id, from] as const)));
    const rows = new Map((await locked(inside, [...asked.keys()], raw("1 = 1"))).map((row) => [row.id, row]));
    const holders = [...rows.values()].flatMap((row) => (row.undo_status === "undoing" ? [row.undo_run ?? ""] : []));
    const known = await runsWhere(inside, amongIds(name("id"), [...new Set([run, ...holders])]));
    if (known.find(({ id }) => id === run)?.ended_at !== null)
      throw new LedgerError(`the run ${run} is not known, or has ended`);
    const claims = new Map<string, Claim>();
    for (const [id, from] of asked) {
      const row = rows.get(id);
      claims.set(id, row === undefined ? NOT_THERE : claimOf(row, run, from, known));
    }
    const got = [...asked.keys()].filter((id) => claims.get(id)?.claimed === true);
    if (got.length > 0) {
      await ask(
        inside,
        sql`update ${raw(ACTIONS)} set ${name("undo_status")} = 'undoing', ${name("undo_run")} = ${run} where ${amongIds(name("id"), got)}`,
      );
    }
    return claims;
  };
  const finish = async (inside: Run, run: string, ends: readonly StepEnd[]): Promise<Set<string>> => {
    const mine = sql`${name("undo_status")} = 'undoing' and ${name("undo_run")} = ${run}`;
    const ids = ends.map(({ id }) => id);
    const held = new Set((await locked(inside, ids, mine)).map(({ id }) => id));
    for (const group of alike(ends.filter(({ id }) => held.has(id)))) {
      const [{ status, error = null }] = group;
      const undone = status === "undone" || status === "unverified" ? now : name("undone_at");
      const among = group.map(({ id }) => id);
      await ask(
        inside,
        sql`update ${raw(ACTIONS)} set ${name("undo_status")} = ${status}, ${name("undo_error")} = ${error}, ${name("undone_at")} = ${undone} where ${amongIds(name("id"), among)}`,
      );
    }
    return held;
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
      said(() =>
        writer.transaction(async (inside) => {
          const held = ends.length === 0 ? new Set<string>() : await finish(inside, run, ends);
          const claims = wanted.length === 0 ? new Map<string, Claim>() : await claim(inside, run, wanted);
          return { held, claims };
        }),
      ),
    claim: (ids, run, from = FROM) => said(() => writer.transaction((inside) => claim(inside, run, [{ ids, from }]))),
    finish: (run, ends) => said(() => writer.transaction((inside) => finish(inside, run, ends))),
  };
}

const NOT_THERE: Claim = { claimed: false, status: null, heldBy: null };

function claimOf(
  { undo_status: status, undo_run: holder }: Row,
  run: string,
  from: readonly UndoStatus[],
  known: readonly (RunRecord & { lives: boolean })[],
): Claim {
  if (status !== "undoing") {
    return from.includes(status)
      ? { claimed: true, previous: status, takenFrom: null }
      : { claimed: false, status, heldBy: null };
  }
  if (holder === run) return { claimed: true, previous: status, takenFrom: null };
  const other = known.find(({ id }) => id === holder);
  if (other?.lives === true) return { claimed: false, status, heldBy: recordOf(other) };
  return { claimed: true, previous: status, takenFrom: holder };
}

/** As many places as the next power of two, filled with the last one: each number of places is prepared once. */
function amongIds(column: Fragment, ids: readonly string[]): Fragment {
  const last = ids.at(-1);
  if (last === undefined) return raw("1 = 0");
  const places = 2 ** Math.ceil(Math.log2(ids.length));
  const filled = [...ids, ...Array.from({ length: places - ids.length }, () => last)];
  return sql`${column} in (${list(filled)})`;
}

/** Ends with the same status and words share a statement. */
function alike(ends: readonly StepEnd[]): [StepEnd, ...StepEnd[]][] {
  const groups = new Map<string, [StepEnd, ...StepEnd[]]>();
  for (const end of ends) {
    const key = JSON.stringify([end.status, end.error ?? null]);
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
