import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import type { Run, Writer } from "../databases/writing/writer.ts";
import { LedgerError } from "./ledger.ts";
import { META } from "./record.ts";
import { SCHEMA_VERSION, tables } from "./schema.ts";

/** Who migrates holds this, for the whole database. */
const LOCK = "clawproof ledger";
const LOCK_NUMBER = 7_136_254_418;
const LOCK_SECONDS = 10;

/** In order: number `n` makes version `n` of the one before. Each may find its work half done by a process that died. */
const MIGRATIONS: readonly ((dialect: Dialect) => string[])[] = [tables];

/**
 * Brings the tables to this version's shape; of several processes one does it and the others wait. Throws LedgerError for
 * a ledger that a newer version made, and, where `create` is false, for a database that holds none.
 */
export async function migrate(writer: Writer, { create }: { create: boolean }): Promise<void> {
  const found = await versionIn(writer.run, writer);
  if (found === SCHEMA_VERSION) return;
  if (found === 0 && !create) throw new LedgerError(`${writer.shown} holds no ledger (there is no table ${META})`);
  refuseNewer(found, writer.shown);
  await alone(writer, async (run) => {
    // Another process may have done it while we waited.
    const now = await versionIn(run, writer);
    refuseNewer(now, writer.shown);
    for (const migration of MIGRATIONS.slice(now)) {
      for (const statement of migration(writer.dialect)) await run(statement);
    }
    await run(putVersion(writer.dialect));
  });
}

/** Refuses what cannot be read as it is: no ledger, or one of another version. */
export function refuseForeign(found: number, shown: string): void {
  refuseNewer(found, shown);
  if (found === 0) throw new LedgerError(`${shown} holds no ledger (there is no table ${META})`);
  if (found < SCHEMA_VERSION)
    throw new LedgerError(`the ledger in ${shown} has an older schema (${found}): open it once to write`);
}

function refuseNewer(found: number, shown: string): void {
  if (found <= SCHEMA_VERSION) return;
  throw new LedgerError(
    `the ledger in ${shown} was made by a newer version of clawproof (its schema is ${found}, this one knows ${SCHEMA_VERSION}): use that version`,
  );
}

/** The version of the tables; 0 where there are none. Throws LedgerError where somebody else's stand under our names. */
export async function versionIn(run: Run, { dialect, shown }: Pick<Writer, "dialect" | "shown">): Promise<number> {
  const exists = await run<{ n: unknown }>(TABLE_EXISTS[dialect], [META]);
  if (Number(exists.rows[0]?.n ?? 0) === 0) return 0;
  const key = quoteName(dialect, "key");
  const { rows } = await run<{ value: unknown }>(
    `select ${quoteName(dialect, "value")} as value from ${META} where ${key} = 'schema'`,
  );
  if (rows.length === 0) return 0;
  const version = Number(rows[0]?.value);
  if (Number.isSafeInteger(version) && version > 0) return version;
  throw new LedgerError(
    `the ledger in ${shown} does not say its version (${META} holds ${JSON.stringify(rows[0]?.value)} under schema)`,
  );
}

/** Whether a table of this name is there, in the schema that statements without one mean. */
const TABLE_EXISTS: Record<Dialect, string> = {
  sqlite: "select count(*) as n from sqlite_master where type = 'table' and name = ?",
  postgres: "select count(to_regclass($1)) as n",
  mysql: "select count(*) as n from information_schema.tables where table_schema = database() and table_name = ?",
};

function putVersion(dialect: Dialect): string {
  const [key, value] = [quoteName(dialect, "key"), quoteName(dialect, "value")];
  const insert = `insert into ${META} (${key}, ${value}) values ('schema', '${SCHEMA_VERSION}')`;
  return dialect === "mysql"
    ? `${insert} on duplicate key update ${value} = '${SCHEMA_VERSION}'`
    : `${insert} on conflict (${key}) do update set ${value} = '${SCHEMA_VERSION}'`;
}

/** SQLite's transaction is its lock; PostgreSQL's ends with the transaction; MySQL commits before each change of a table. */
async function alone(writer: Writer, work: (run: Run) => Promise<void>): Promise<void> {
  await writer.transaction(async (run) => {
    if (writer.dialect === "postgres") await run(`select pg_advisory_xact_lock(${LOCK_NUMBER})`);
    if (writer.dialect !== "mysql") return work(run);
    const { rows } = await run<{ held: unknown }>(
      `select get_lock(concat('${LOCK} ', database()), ${LOCK_SECONDS}) as held`,
    );
    if (Number(rows[0]?.held) !== 1)
      throw new LedgerError(`another process has been preparing the ledger in ${writer.shown} for ${LOCK_SECONDS} s`);
    try {
      await work(run);
    } finally {
      await run(`select release_lock(concat('${LOCK} ', database()))`);
    }
  });
}
