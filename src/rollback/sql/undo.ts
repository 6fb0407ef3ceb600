import { asThoughBack, goalsOf } from "./resumed.ts";
import { DatabaseFailed } from "../../databases/database.ts";
import type { Session } from "../../databases/session.ts";
import { readTable, type Table } from "./catalog.ts";
import { applied, type Change, differenceOf, type Image, isAsBefore, type Row, shown } from "./image.ts";
import { cascadeWords, foreignWords } from "../words.ts";
import { inKinship, leavers } from "./kin.ts";
import { Changes } from "./changes.ts";
import { columnOf, type Identity, readDependents, readRows, sharedBy, staying } from "./rows.ts";
import { saysTheSame } from "./given.ts";
import { keyText, lookAt, type Seen, type SqlTask, Unusable } from "./task.ts";

/** What became of a task. */
export type SqlOutcome =
  | { kind: "undone" }
  /** It is as before already: nothing was done. */
  | { kind: "already" }
  | { kind: "conflict"; why: string; forcible?: false }
  /** Nothing of it was done. */
  | { kind: "failed"; why: string }
  /** Nothing was tried: a newer action on the same target failed. */
  | { kind: "blocked" };

/** Of a long plan most steps become one of these. */
const UNDONE: SqlOutcome = { kind: "undone" };
const ALREADY: SqlOutcome = { kind: "already" };

export type Tables = Map<string, Promise<Table>>;

/** A table's description, read once. */
export function tableOf(session: Session, tables: Tables, written: string): Promise<Table> {
  const known = tables.get(written);
  if (known) return known;
  const reading = readTable(session, written);
  tables.set(written, reading);
  return reading;
}

/** Something in a batch went wrong that only shows when all of it is rolled back. */
class Broken extends Error {
  override name = "Broken";
}

/**
 * Takes actions back, in this order, in one transaction: rows locked, compared, restored, read back and compared again.
 * Where anything breaks the transaction is rolled back, and each is done in one of its own. Throws DatabaseFailed only
 * where the database is gone. `back` gathers what newer actions left to somebody, over all transactions of a run.
 */
export async function undoRows(
  session: Session,
  tables: Tables,
  tasks: readonly SqlTask[],
  back = new Set<string>(),
): Promise<Map<string, SqlOutcome>> {
  try {
    return await inOneTransaction(session, tables, tasks, back);
  } catch (error) {
    const why = whyBroken(error);
    if (why === null) throw error;
    if (tasks.length === 1) return new Map(tasks.map(({ id }) => [id, { kind: "failed", why }]));
  }
  return oneByOne(session, tables, tasks, back);
}

async function oneByOne(
  session: Session,
  tables: Tables,
  tasks: readonly SqlTask[],
  back: Set<string>,
): Promise<Map<string, SqlOutcome>> {
  const outcomes = new Map<string, SqlOutcome>();
  const failed = new Set<string>();
  for (const task of tasks) {
    if (failed.has(task.target)) {
      outcomes.set(task.id, { kind: "blocked" });
      continue;
    }
    const outcome = (await undoRows(session, tables, [task], back)).get(task.id);
    if (outcome) outcomes.set(task.id, outcome);
    if (outcome?.kind === "failed") failed.add(task.target);
  }
  return outcomes;
}

function whyBroken(error: unknown): string | null {
  const isOurs = [Broken, DatabaseFailed, Unusable, RangeError].some((kind) => error instanceof kind);
  return isOurs && error instanceof Error ? error.message : null;
}

async function inOneTransaction(
  session: Session,
  tables: Tables,
  tasks: readonly SqlTask[],
  back: Set<string>,
): Promise<Map<string, SqlOutcome>> {
  const names = [...new Set(tasks.map(({ table }) => table))];
  for (const name of names) await tableOf(session, tables, name);
  const { outcomes } = await session.transaction(async () => {
    const seen = new Map<string, Seen>();
    for (const name of names) {
      const table = await tableOf(session, tables, name);
      const own = tasks.filter((task) => task.table === name);
      for (const one of await lookAt(session, table, own, { lock: true })) seen.set(one.task.id, one);
    }
    const work = new Work(session, back);
    const inOrder = tasks.flatMap(({ id }) => seen.get(id) ?? []);
    const reached = goalsOf(inOrder.filter(({ task }) => task.resumed));
    for (const one of inOrder) await work.undo(one, reached.get(one.task.id));
    await work.finish();
    return { outcomes: work.outcomes, commit: work.wrote };
  });
  return outcomes;
}

/** One transaction: what is known to be in its rows, and what it did to them. */
class Work {
  readonly outcomes = new Map<string, SqlOutcome>();
  wrote = false;
  readonly #session: Session;
  readonly #changes: Changes;
  /** Rows that were restored, as they must be now. */
  readonly #rows = new Map<string, Row>();
  /** What somebody changed or put back from newer actions. */
  readonly #back: Set<string>;
  readonly #touched = new Map<string, { table: Table; identity: Identity; columns: Map<string, unknown> }>();

  constructor(session: Session, back: Set<string>) {
    this.#session = session;
    this.#back = back;
    this.#changes = new Changes(session);
  }

  async undo(seen: Seen, goal: Image | undefined): Promise<void> {
    const known = this.#known(seen.now);
    const now = goal ? asThoughBack(known, seen.before, goal) : known;
    const difference = judge(seen, now, this.#back);
    // What an earlier run of ours brought back is nobody else's.
    if (!seen.task.resumed && !seen.task.forced) for (const cell of difference.back) this.#back.add(cell);
    const { id } = seen.task;
    if ("why" in difference) {
      this.outcomes.set(id, { kind: "conflict", why: difference.why });
      return;
    }
    if (difference.changes.length === 0) {
      this.outcomes.set(id, ALREADY);
      return;
    }
    const cascade = await this.#cascade(seen, difference.changes, now);
    if (cascade !== null) {
      this.outcomes.set(id, { kind: "conflict", why: cascade, forcible: false });
      return;
    }
    for (const change of inKinship(seen.table, difference.changes, seen.before, now)) await this.#change(seen, change);
    for (const [row, cells] of applied(now, difference.changes, seen.before)) this.#rows.set(row, cells);
    this.outcomes.set(id, UNDONE);
  }

  /** What is there now, of which newer actions in this transaction may have restored some. */
  #known(now: Image): Image {
    const restored = [...now.keys()].filter((row) => this.#rows.has(row));
    if (restored.length === 0) return now;
    return new Map([...now, ...restored.map((row) => [row, this.#rows.get(row) ?? null] as const)]);
  }

  async #cascade({ table, identities }: Seen, changes: readonly Change[], now: Image): Promise<string | null> {
    const leaving = leavers(table, changes);
    for (const change of changes) {
      if (change.kind !== "delete" || table.references.length === 0) continue;
      // What the action gave in part is read whole: another column may be the one that is pointed at.
      const identity = identities.get(change.row) ?? {};
      await this.#changes.flush();
      const [row = now.get(change.row)] = await readRows(this.#session, table, [identity], { lock: false });
      if (!row) continue;
      const dependents = staying(await readDependents(this.#session, table, row, leaving.size), leaving);
      if (dependents.length > 0) return cascadeWords(dependents);
    }
    return null;
  }

  async #change(seen: Seen, change: Change): Promise<void> {
    const { table, before, identities } = seen;
    const identity = identities.get(change.row);
    if (!identity) throw new Unusable("what finds its row is not known");
    await this.#changes.add({ table, change, before: before.get(change.row) ?? null, identity });
    this.wrote = true;
    const touched = this.#touched.get(change.row) ?? { table, identity, columns: new Map<string, unknown>() };
    const columns = change.kind === "update" ? change.columns : Object.keys(before.get(change.row) ?? {});
    // What an action gave itself is spelled otherwise in the database: a time, a number, JSON.
    const given = "given" in seen.task.subject ? seen.task.subject.given.before : null;
    for (const column of columns) if (!seen.leftOut.has(column)) touched.columns.set(column, given?.[column]);
    this.#touched.set(change.row, touched);
  }

  /** What was restored is really there: nothing in the database may have kept it from being so. */
  async finish(): Promise<void> {
    await this.#changes.flush();
    const groups = new Map<string, { table: Table; names: string[]; rows: [string, Identity][] }>();
    for (const [row, { table, identity }] of this.#touched) {
      const names = Object.keys(identity);
      const group = groups.get(`${table.name} ${names.join()}`) ?? { table, names, rows: [] };
      groups.set(`${table.name} ${names.join()}`, group);
      group.rows.push([row, identity]);
    }
    for (const { table, names, rows } of groups.values()) {
      const identities = rows.map(([, identity]) => identity);
      const restored = rows.flatMap(([row]) => [...(this.#touched.get(row)?.columns.keys() ?? [])]);
      const only = new Set([...names, ...restored]);
      const found = await readRows(this.#session, table, identities, { lock: false, only });
      // Somebody's new row with the same key may have come in between, and have been changed with ours.
      const [shared] = sharedBy(found, table.name, names);
      if (shared !== undefined) throw new Broken(`more than one row is ${shared} now: nothing tells them apart`);
      const byKey = new Map(found.map((row) => [keyText(row, names), row]));
      for (const [row, identity] of rows) this.#compare(row, byKey.get(keyText(identity, names)) ?? null);
    }
  }

  #compare(row: string, is: Row): void {
    const wanted = this.#rows.get(row) ?? null;
    if (wanted === null || is === null) {
      if (wanted === is) return;
      throw new Broken(wanted === null ? "the row is still there after it was deleted" : "the row did not come back");
    }
    const { table, columns } = this.#touched.get(row) ?? { table: null, columns: [] };
    const [wrong] =
      [...columns].find(([column, given]) => {
        if (is[column] === wanted[column]) return false;
        return !table || given === undefined || !saysTheSame(given, is[column] ?? null, columnOf(table, column));
      }) ?? [];
    if (wrong === undefined) return;
    throw new Broken(
      `${wrong} did not come back: it is ${shown(is[wrong])} and not ${shown(wanted[wrong])}; where the table keeps it by itself, name it under ignore`,
    );
  }
}

type Judgement = { back: readonly string[] } & ({ changes: readonly Change[] } | { why: string });

/** What there is to do for a task, or why nothing may be done. */
function judge({ task, before, after, leftOut }: Seen, now: Image, others: ReadonlySet<string>): Judgement {
  if (after === null) {
    if (isAsBefore(before, now, leftOut)) return { changes: [], back: [] };
    const { ours } = differenceOf(before, now, now, leftOut);
    if (task.forced) return { changes: ours, back: [] };
    return { why: "it never ended, and what is there now is not what was before", back: [] };
  }
  const { foreign, forced, ours, back } = differenceOf(before, after, now, leftOut, others);
  if (task.forced) return { changes: forced, back };
  return foreign.length > 0 ? { why: foreignWords(foreign), back } : { changes: ours, back };
}
