import fc from "fast-check";
import { expect } from "vitest";
import { openSession, type Session } from "../../src/databases/session.ts";
import { openLedger } from "../../src/ledger/open.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { Handlers } from "../../src/rollback/handlers.ts";
import { makePlan } from "../../src/rollback/make-plan.ts";
import { Modules } from "../../src/rollback/modules.ts";
import { isSettled } from "../../src/rollback/outcome.ts";
import { runPlan } from "../../src/rollback/run.ts";
import { Sessions } from "../../src/rollback/sessions.ts";
import { type Capturer, createCapturer } from "../../src/rollback/sql/capture.ts";
import { readTable, type Table } from "../../src/rollback/sql/catalog.ts";
import { readRows } from "../../src/rollback/sql/rows.ts";
import { NO_SECRETS } from "../databases/opening.ts";

/**
 * Generated histories: an agent acts on a few rows, others change the same ones in between, and then all that the agent
 * did is taken back. Nobody else's change may be lost, and what nobody else touched must be as before.
 */

/** How a dialect spells the table and the values that it is tried with. */
export interface Spelling {
  url: string;
  directory: string;
  /** As statements name it. */
  table: string;
  /** Makes the table; run once. */
  create: readonly string[];
  /** SQL expressions to choose from, by column. `updated_at` is kept by a trigger, `total` is generated. */
  values: Readonly<Record<string, readonly string[]>>;
}

interface Operation {
  by: "agent" | "other";
  id: number;
  kind: "update" | "insert" | "delete";
  /** Which columns, and which of their values. */
  picks: readonly (number | null)[];
}

const COLUMNS = ["name", "amount", "data", "rate", "at", "bytes"] as const;
const IDS = [1, 2, 3];
const ABSENT = "no row";

const operation: fc.Arbitrary<Operation> = fc.record({
  by: fc.constantFrom("agent", "agent", "other"),
  id: fc.constantFrom(...IDS),
  kind: fc.constantFrom("update", "update", "update", "insert", "delete"),
  picks: fc.array(fc.option(fc.nat(20), { freq: 2 }), { minLength: COLUMNS.length, maxLength: COLUMNS.length }),
});

type Cells = Readonly<Record<string, string | null>>;

export class Histories {
  readonly #spelling: Spelling;
  #session!: Session;
  #sessions!: Sessions;
  #ledger!: Ledger;
  #capturer!: Capturer;
  #handlers!: Handlers;
  #table: Table | null = null;
  #histories = 0;

  constructor(spelling: Spelling) {
    this.#spelling = spelling;
  }

  async open(): Promise<void> {
    const { directory, url, table, create } = this.#spelling;
    const options = { directory, secrets: NO_SECRETS, statementTimeoutMs: 10_000 };
    this.#session = await openSession(url, options);
    for (const statement of create) await this.#session.query(statement);
    this.#sessions = new Sessions(options);
    this.#capturer = createCapturer(options);
    this.#ledger = await openLedger("sqlite:histories.db", { directory, synchronous: "OFF" });
    const context = { http: {}, directory, secrets: NO_SECRETS, placeholders: {} };
    this.#handlers = new Handlers({
      configured: { change: { sql: { database: url, table, key: ["id"], ignore: ["updated_at"] } } },
      placeOf: () => "here",
      kept: [],
      guard: null,
      modules: new Modules({ directory, env: {} }),
      context,
      keptContext: context,
      databaseOf: async (given) => given,
      irreversible: new Map(),
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#session.close(), this.#sessions.close(), this.#capturer.close(), this.#ledger.close()]);
  }

  /** Tries so many histories. */
  async hold(runs: number): Promise<void> {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), (operations) => this.#history(operations)),
      { numRuns: runs, endOnFailure: true },
    );
  }

  async #history(operations: readonly Operation[]): Promise<void> {
    const { table } = this.#spelling;
    await this.#session.query(`delete from ${table}`);
    for (const id of IDS.slice(0, 2)) await this.#session.query(this.#insert(id, [0, 0, 0, 0, 0, 0]));
    const initial = await this.#rows();
    const trace = `${this.#spelling.table}-${this.#spelling.url}-${++this.#histories}`.slice(-64);
    const watch = new Watch(initial);
    const actions = new Map<string, number>();
    for (const one of operations) {
      const before = await this.#rows();
      const statement = this.#statement(one, before.has(one.id));
      if (statement === null) continue;
      if (one.by === "other") await this.#session.query(statement);
      else actions.set(await this.#act(one.id, trace, statement), one.id);
      watch.saw(one, await this.#rows());
    }
    const plan = await makePlan({
      reading: this.#ledger,
      handlers: this.#handlers,
      sessions: this.#sessions,
      filter: { traces: [trace] },
      now: Date.now(),
    });
    const outcomes = await runPlan({
      ledger: this.#ledger,
      handlers: this.#handlers,
      sessions: this.#sessions,
      steps: plan.steps,
      owner: "test",
      plan: plan.hash,
      signal: new AbortController().signal,
    });
    const final = await this.#rows();
    watch.nothingOfOthersIsLost(final);
    for (const id of IDS.filter((one) => !watch.touched.has(one))) {
      expect(compared(final.get(id)), `row ${id} is as before`).toEqual(compared(initial.get(id)));
    }
    for (const step of plan.steps) {
      if (watch.touched.has(actions.get(step.id) ?? 0)) continue;
      const outcome = outcomes.get(step.id);
      const isDone = outcome ? isSettled(outcome) : step.kind === "did not happen" || step.kind === "done already";
      expect(isDone, `${step.kind} ${JSON.stringify(outcome)} ${step.why ?? ""}`).toBe(true);
    }
  }

  async #act(id: number, trace: string, statement: string): Promise<string> {
    const target = { database: this.#spelling.url, table: this.#spelling.table };
    const captured = await this.#capturer.before(target, { id });
    const action = await this.#ledger.begin({
      trace_id: trace,
      agent: "support",
      type: "change",
      effect: "write",
      target: String(id),
      undo: { form: "sql" },
      captured,
    });
    await this.#session.query(statement);
    await this.#ledger.end(action, { status: "done", captured: await this.#capturer.after(target, captured) });
    return action;
  }

  #statement({ kind, id, picks }: Operation, isThere: boolean): string | null {
    if (kind === "insert") return isThere ? null : this.#insert(id, picks);
    if (!isThere) return null;
    if (kind === "delete") return `delete from ${this.#spelling.table} where id = ${id}`;
    const set = COLUMNS.flatMap((column, index) => {
      const pick = picks[index] ?? null;
      return pick === null ? [] : [`${column} = ${this.#value(column, pick)}`];
    });
    return set.length === 0 ? null : `update ${this.#spelling.table} set ${set.join(", ")} where id = ${id}`;
  }

  #insert(id: number, picks: readonly (number | null)[]): string {
    const values = COLUMNS.map((column, index) => this.#value(column, picks[index] ?? 0));
    return `insert into ${this.#spelling.table} (id, ${COLUMNS.join(", ")}) values (${[id, ...values].join(", ")})`;
  }

  #value(column: string, pick: number): string {
    const values = this.#spelling.values[column] ?? [];
    return values[pick % values.length] ?? "null";
  }

  async #rows(): Promise<Map<number, Cells>> {
    this.#table ??= await readTable(this.#session, this.#spelling.table);
    const table = this.#table;
    const rows = await readRows(
      this.#session,
      table,
      IDS.map((id) => ({ id: String(id) })),
      { lock: false },
    );
    return new Map(rows.map((row) => [Number(row["id"]), row]));
  }
}

/** What is compared of a row: all but what the database keeps by itself. */
function compared(cells: Cells | undefined): Cells | null {
  if (!cells) return null;
  const { updated_at: _kept, total: _computed, ...rest } = cells;
  return rest;
}

/** Keeps, of each cell, what it may be in the end: nothing older than what somebody else last left there. */
class Watch {
  readonly touched = new Set<number>();
  #rows: Map<number, Cells>;
  readonly #allowed = new Map<string, Set<string>>();
  /** What the agent last left there, and what was allowed then. */
  readonly #left = new Map<string, string>();
  readonly #allowedThen = new Map<string, Set<string>>();

  constructor(initial: Map<number, Cells>) {
    this.#rows = initial;
    for (const id of IDS) {
      for (const column of COLUMNS) {
        const value = spelled(initial.get(id), column);
        this.#allowed.set(`${id} ${column}`, new Set([value]));
        this.#left.set(`${id} ${column}`, value);
        this.#allowedThen.set(`${id} ${column}`, new Set([value]));
      }
    }
  }

  saw({ by, id }: Operation, rows: Map<number, Cells>): void {
    if (by === "other") this.touched.add(id);
    for (const column of COLUMNS) {
      const key = `${id} ${column}`;
      const value = spelled(rows.get(id), column);
      const isChanged = value !== spelled(this.#rows.get(id), column);
      if (by === "other" && isChanged) {
        // What somebody put back to what the agent had left there is as though nobody had come in between.
        const isAsLeft = value === this.#left.get(key);
        this.#allowed.set(key, new Set(isAsLeft ? this.#allowedThen.get(key) : [value]));
      } else if (isChanged) {
        this.#allowed.get(key)?.add(value);
        this.#allowedThen.set(key, new Set(this.#allowed.get(key)));
        this.#left.set(key, value);
      }
    }
    this.#rows = rows;
  }

  nothingOfOthersIsLost(final: Map<number, Cells>): void {
    for (const [key, allowed] of this.#allowed) {
      const [id = "", column = ""] = key.split(" ");
      if (!this.touched.has(Number(id))) continue;
      expect([...allowed], `row ${id}, ${column}`).toContain(spelled(final.get(Number(id)), column));
    }
  }
}

const spelled = (row: Cells | undefined, column: string): string => (row ? `=${row[column] ?? "NULL"}` : ABSENT);
