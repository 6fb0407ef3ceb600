import { randomBytes } from "node:crypto";
import { chmod, open, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { generateKeyPairSync } from "node:crypto";
import { holdFileLock } from "../../databases/file-lock.ts";
import { damageOf } from "./damage.ts";
import { SCHEMA, SCHEMA_VERSION } from "./schema.ts";
import type { Database } from "libsql";

/** SQLite waits for a lock with everything standing still. */
const LOCKED_MS = 20;

/** The service cannot start on this data file; the message says what to do. */
export class DataFileRefused extends Error {
  override name = "DataFileRefused";
}

export interface OpenDataFile {
  /** Tests and benchmarks alone: `OFF` loses what a crash of the machine finds in its memory. */
  synchronous?: "FULL" | "OFF" | undefined;
  /** Tests alone: the disk is full at so many pages of 4 KiB. */
  maxPages?: number | undefined;
}

export interface DataFile {
  database: Database;
  /** Whether it was made just now. */
  isNew: boolean;
  /** What is wrong with the file, and what to do. */
  refusal: (why: string, cause?: unknown) => DataFileRefused;
  close: () => void;
}

/**
 * Opens the data file, or makes it where none was ever there, and holds it alone. Throws DataFileRefused for a file
 * that is damaged, empty, of another program, gone, or held by another service: it never starts empty in its place.
 */
export async function openDataFile(named: string, options: OpenDataFile = {}): Promise<DataFile> {
  const path = await fileBehind(named);
  const lock = `${path}.lock`;
  const [size, ranBefore] = [await sizeOf(path), (await sizeOf(lock)) !== null];
  const begin = `To begin a new series instead, delete ${basename(path)} and ${basename(lock)}.`;
  const refusal = (why: string, cause?: unknown) =>
    new DataFileRefused(`${path} ${why}. ${restoreWords(basename(path))}`, { cause });
  if (size === 0) throw new DataFileRefused(`${refusal("is empty, and may have held orders").message} ${begin}`);
  if (size === null && ranBefore) {
    const gone = refusal(`is gone, but ${basename(lock)} shows that a switch ran on it`);
    throw new DataFileRefused(`${gone.message} ${begin}`);
  }
  // Made by us before SQLite would: it holds the hashes of tokens.
  if (size === null) await (await open(path, "a", 0o600)).close();
  const release = await holdLock(lock, path);
  try {
    const database = await connect(path);
    try {
      if (options.maxPages !== undefined) database.pragma(`max_page_count = ${options.maxPages}`);
      set(database, options, refusal);
      if (size === null) create(database);
      else inspect(database, refusal);
      // Whoever else writes to the file has no business there, and must not hold up an order.
      database.pragma(`busy_timeout = ${LOCKED_MS}`);
    } catch (error) {
      database.close();
      throw error;
    }
    const close = () => {
      gather(database);
      database.close();
      release();
    };
    return { database, isNew: size === null, refusal, close };
  } catch (error) {
    // Nothing was in it yet: left there, it would look like one that held orders.
    const made = size === null ? [path, `${path}-wal`, `${path}-shm`, lock] : [];
    await Promise.all(made.map((file) => rm(file, { force: true })));
    release();
    if (!isOfDisk(error)) throw error;
    throw new DataFileRefused(
      `${path} cannot be opened (${error.message}): its disk is full, or fails. Make room, then start again; delete nothing of it`,
      { cause: error },
    );
  }
}

/** The files beside it hold what was written last; SQLite would mix it into the backup. */
function restoreWords(name: string): string {
  return `Restore a backup (clawproof serve --backup makes them): delete ${name}-wal and ${name}-shm where they are there, and copy the backup to ${name}.`;
}

async function holdLock(lock: string, path: string): Promise<() => void> {
  const release = await holdFileLock(lock);
  if (release === null) throw new DataFileRefused(`another clawproof serve already runs on ${path}`);
  await chmod(lock, 0o600);
  return release;
}

async function connect(path: string): Promise<Database> {
  const { default: Libsql } = await import("libsql");
  return new Libsql(path);
}

function set(database: Database, { synchronous = "FULL" }: OpenDataFile, refusal: DataFile["refusal"]): void {
  try {
    database.pragma("busy_timeout = 2000");
    database.pragma("journal_mode = WAL");
    // An order is answered when it is on the disk, and not before.
    database.pragma(`synchronous = ${synchronous}`);
  } catch (error) {
    if (isOfDisk(error)) throw error;
    if (!isBusy(error)) throw refusal(notReadable(error), error);
    throw new DataFileRefused("another program has the data file open: end it, then start again", { cause: error });
  }
}

/** What the disk cannot do says nothing against what is on it. */
function isOfDisk(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^SQLITE_(FULL|IOERR)/.test(String(error.code));
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}

/** Moves everything into the one file: who copies it while no service runs must not miss what lies beside it. */
function gather(database: Database): void {
  try {
    database.pragma("wal_checkpoint(TRUNCATE)");
  } catch (error) {
    // The disk is full, or fails: what lies beside the file is read again at the next start.
    if (!(error instanceof Error)) throw error;
  }
}

function create(database: Database): void {
  const { privateKey } = generateKeyPairSync("ed25519");
  database.exec("BEGIN IMMEDIATE");
  database.exec(SCHEMA);
  const put = database.prepare("INSERT INTO meta (key, value) VALUES (?, ?)");
  put.run("schema", String(SCHEMA_VERSION));
  put.run("series", randomBytes(9).toString("base64url"));
  put.run("signing-key", privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  database.exec("COMMIT");
}

function inspect(database: Database, refusal: DataFile["refusal"]): void {
  let version: unknown;
  try {
    const damage = damageOf(database);
    if (damage !== null) throw new Error(damage);
    version = (database.prepare("SELECT value FROM meta WHERE key = 'schema'").get() as { value?: unknown } | undefined)
      ?.value;
  } catch (error) {
    if (isOfDisk(error)) throw error;
    throw refusal(notReadable(error), error);
  }
  if (version === String(SCHEMA_VERSION)) return;
  throw refusal(
    `was written by another version of clawproof (its schema is ${String(version)}, not ${SCHEMA_VERSION}): run that version`,
  );
}

function notReadable(error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  if (/no such table/.test(why)) return "is no data file of clawproof serve";
  if (/not a database/.test(why)) return "is not a SQLite database";
  return `is damaged (${why.split("\n")[0] ?? ""})`;
}

/** The file itself: two names of one file have one lock. One that is not there yet has the name that it will have. */
export async function fileBehind(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const folder = dirname(path);
  try {
    return join(await realpath(folder), basename(path));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new DataFileRefused(`the folder ${folder} does not exist: make it, or name another file with --data`, {
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
