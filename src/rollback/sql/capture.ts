import { DatabaseFailed } from "../../databases/database.ts";
import { openSession, type Session, type SessionOptions } from "../../databases/session.ts";
import { readTable, type Table } from "./catalog.ts";
import { type Captured } from "./captured.ts";
import type { Cell } from "./image.ts";
import { columnOf, type Identity, readRows, sharedBy } from "./rows.ts";

/** How `sql` names what it captures and restores. */
export interface SqlTarget {
  database: string;
  table: string;
}

/** What an action's key holds: the values that find its rows, as the program has them. */
export type Key = Readonly<Record<string, string | number | bigint | boolean | null>>;

/** So many rows of one action are kept; an action about more of them is none that a ledger can take back. */
const MOST_ROWS = 1_000;

/** Reads rows before and after actions, for `captured` of their records. Methods reject with DatabaseFailed. */
export interface Capturer {
  /** The rows of a key as they are before an action. */
  before(target: SqlTarget, key: Key): Promise<Captured>;
  /** The same with the rows as they are after it; also rows that the key finds only now. */
  after(target: SqlTarget, captured: Captured): Promise<Captured>;
  close(): Promise<void>;
}

interface Opened {
  session: Session;
  tables: Map<string, { readAt: number; reading: Promise<Table> }>;
}

/**
 * A table's description is read again after so long: a column that comes while the agent runs would be captured in no row,
 * and what was undone would lack it.
 */
const KNOWN_FOR_MS = 1_000;

/** Holds one connection per database, opened when it is first needed and again after it broke. */
export function createCapturer(options: SessionOptions): Capturer {
  const opened = new Map<string, Promise<Opened>>();

  async function using<T>({ database, table }: SqlTarget, work: (session: Session, table: Table) => Promise<T>) {
    let opening = opened.get(database);
    if (!opening) {
      opening = openSession(database, options).then((session) => ({ session, tables: new Map() }));
      opened.set(database, opening);
    }
    try {
      const { session, tables } = await opening;
      const now = performance.now();
      let known = tables.get(table);
      if (!known || now - known.readAt > KNOWN_FOR_MS) {
        known = { readAt: now, reading: readTable(session, table) };
        tables.set(table, known);
      }
      return await work(session, await known.reading);
    } catch (error) {
      opened.delete(database);
      await opening.then(({ session }) => session.close()).catch(() => undefined);
      if (error instanceof RangeError) throw new DatabaseFailed(error.message);
      throw error;
    }
  }

  return {
    before: (target, key) =>
      using(target, async (session, table) => {
        const cells = keyCells(table, key, session);
        const rows = await rowsOf(session, table, cells);
        const identity = table.primaryKey.length > 0 ? table.primaryKey : Object.keys(cells);
        return captured(table, identity, cells, rows);
      }),
    after: (target, before) =>
      using(target, async (session, table) => {
        const { identity, key, columns } = before;
        const known = before.before.map((row) =>
          Object.fromEntries(identity.map((name) => [name, row[columns.indexOf(name)] ?? null])),
        );
        const byKey = await rowsOf(session, table, key);
        // An action may change the very column that found its rows.
        const again = known.length === 0 ? [] : await readRows(session, table, known, { lock: false });
        const all = new Map(
          [...byKey, ...again].map((row) => [JSON.stringify(identity.map((name) => row[name])), row]),
        );
        return { ...before, after: [...all.values()].map((row) => columns.map((name) => row[name] ?? null)) };
      }),
    async close() {
      const all = [...opened.values()];
      opened.clear();
      for (const opening of all) await opening.then(({ session }) => session.close()).catch(() => undefined);
    },
  };
}

function captured(
  table: Table,
  identity: readonly string[],
  key: Identity,
  rows: readonly Readonly<Record<string, Cell>>[],
): Captured {
  const columns = table.columns.map(({ name }) => name);
  return {
    v: 1,
    table: table.name,
    columns,
    generated: table.columns.filter(({ generated }) => generated).map(({ name }) => name),
    identity,
    key,
    before: rows.map((row) => columns.map((name) => row[name] ?? null)),
  };
}

async function rowsOf(session: Session, table: Table, key: Identity) {
  const isOne = table.primaryKey.length > 0 && table.primaryKey.every((name) => name in key);
  // Of millions no more are read than it takes to refuse them: the agent waits.
  const limit = isOne ? {} : { most: MOST_ROWS + 1 };
  const rows = await readRows(session, table, [key], { lock: false, ...limit });
  if (rows.length > MOST_ROWS) {
    throw new DatabaseFailed(`the key finds more than ${MOST_ROWS} rows of ${table.name}, and no more can be kept`);
  }
  if (table.primaryKey.length === 0 && rows.length > 1) {
    throw new DatabaseFailed(
      `${table.name} has no primary key, and the key finds ${rows.length} rows: nothing tells them apart`,
    );
  }
  // SQLite's primary keys may be NULL, and rows of PostgreSQL's that inherit may have one that another has too.
  const { primaryKey } = table;
  const isNameless = rows.some((row) => primaryKey.some((name) => row[name] === null));
  if (isNameless || (primaryKey.length > 0 && sharedBy(rows, table.name, primaryKey).length > 0)) {
    const why = isNameless ? "is NULL in" : "is the same in more than one of";
    throw new DatabaseFailed(
      `the primary key of ${table.name} ${why} the rows that the key finds: nothing tells them apart`,
    );
  }
  return rows;
}

function keyCells(table: Table, key: Key, session: Session): Identity {
  const entries = Object.entries(key);
  if (entries.length === 0) throw new DatabaseFailed("the key names no column, and would find every row");
  return Object.fromEntries(
    entries.map(([name, value]) => {
      columnOf(table, name);
      return [name, keyCell(value, session)];
    }),
  );
}

/** A value of the program in the database's text form. */
function keyCell(value: Key[string], { dialect }: Pick<Session, "dialect">): Cell {
  if (value === null) return null;
  if (typeof value === "boolean") return dialect === "postgres" ? String(value) : value ? "1" : "0";
  if (dialect !== "sqlite" || typeof value === "bigint") return String(value);
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return Number.isInteger(value) ? String(value) : /[.e]/.test(String(value)) ? String(value) : `${value}.0`;
}
