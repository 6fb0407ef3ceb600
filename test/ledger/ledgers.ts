import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dialect } from "../../src/databases/database.ts";
import type { Entry, NewAction, UndoStatus } from "../../src/ledger/record.ts";
import type { Claim, Filter, Ledger, Reading } from "../../src/ledger/ledger.ts";
import { LedgerError } from "../../src/ledger/ledger.ts";
import { openLedger, type LedgerOptions } from "../../src/ledger/open.ts";
import { openWriter } from "../../src/databases/writing/open.ts";
import { afterThisTest } from "../support/ending.ts";
import { needs, type ServerName } from "../support/servers.ts";

export const DIALECTS: readonly Dialect[] = ["sqlite", "postgres", "mysql"];

const NAMES: Record<Exclude<Dialect, "sqlite">, ServerName> = { postgres: "PostgreSQL", mysql: "MariaDB" };

/** Where a test's ledger may be made: a file, or a schema of its own on the server. */
export interface Place {
  /** An empty database. */
  fresh(): Promise<string>;
}

/** Says inside a `describe` which database its tests need. */
export function placeFor(dialect: Dialect): Place {
  if (dialect === "sqlite") return { fresh: freshFile };
  const server = needs(NAMES[dialect]);
  return {
    async fresh() {
      await server.run(
        ...["clawproof_actions", "clawproof_runs", "clawproof_meta"].map(
          (table) => `drop table if exists ${server.schema}.${table}`,
        ),
      );
      return inSchema(dialect, server.url, server.schema);
    },
  };
}

async function freshFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-ledger-"));
  afterThisTest(() => rm(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, "actions.db")}`;
}

export function inSchema(dialect: Dialect, url: string, schema: string): string {
  const address = new URL(url);
  if (dialect === "postgres") address.searchParams.set("options", `-csearch_path=${schema}`);
  else address.pathname = `/${schema}`;
  return address.href;
}

/** Opens a ledger, and closes it after the test. */
export async function opened(url: string, options: LedgerOptions = {}): Promise<Ledger> {
  const ledger = await openLedger(url, options);
  afterThisTest(() => ledger.close());
  return ledger;
}

/** Runs statements on a ledger's database, as somebody with a SQL prompt would. */
export async function byHand(url: string, ...statements: string[]): Promise<object[]> {
  const writer = await openWriter(url, { timeoutMs: 10_000, create: true });
  try {
    let rows: object[] = [];
    for (const statement of statements) ({ rows } = await writer.run(statement));
    return rows;
  } finally {
    await writer.close();
  }
}

export const anAction = (more: Partial<NewAction> = {}): NewAction => ({
  trace_id: "friday",
  agent: "support",
  version: "2.4.1",
  type: "subscription_update",
  effect: "write",
  target: "subscription/7",
  undo_class: "reversible",
  ...more,
});

export async function claim(
  ledger: Ledger,
  ids: readonly string[],
  run: string,
  from: readonly UndoStatus[] = ["none", "failed", "conflict"],
): Promise<Map<string, Claim>> {
  return (await ledger.turn(run, { wanted: [{ ids, from }] })).claims;
}

export async function entriesOf(ledger: Reading, filter: Filter = {}, limit?: number): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of ledger.entries(filter, { limit })) found.push(entry);
  return found;
}

export async function idsOf(ledger: Reading, filter: Filter = {}, limit?: number): Promise<string[]> {
  return (await entriesOf(ledger, filter, limit)).map(({ record, damaged }) => record?.id ?? damaged?.id ?? "");
}

/** What a failing piece of work says; it must be a failure of the ledger. */
export async function whyOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof LedgerError) return error.message;
    throw error;
  }
  throw new Error("it did not fail");
}
