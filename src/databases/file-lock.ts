import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "libsql";

const PATIENCE_MS = 10_000;
const RETRY_MS = 20;

/**
 * Runs `work` while nobody else who asks for the same lock file does, in this process or another. Throws after 10 s.
 * The lock is SQLite's: the kernel drops it when its holder dies, so that a crash never leaves a log locked.
 */
export async function withFileLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true });
  const release = await acquire(lockFile);
  try {
    return await work();
  } finally {
    release();
  }
}

/**
 * Holds a lock file until the answer is called, or this process ends however it may; null where another holds it. For a
 * service that must run only once on its data.
 */
export async function holdFileLock(lockFile: string): Promise<(() => void) | null> {
  const database = await open(lockFile);
  if (begin(database)) return () => letGo(database);
  database.close();
  return null;
}

async function acquire(lockFile: string): Promise<() => void> {
  const database = await open(lockFile);
  for (let waited = 0; !begin(database); waited += RETRY_MS) {
    if (waited >= PATIENCE_MS) {
      database.close();
      throw new Error(`${lockFile} has been locked by another process for ${PATIENCE_MS / 1000} s`);
    }
    await pause(RETRY_MS);
  }
  return () => letGo(database);
}

async function open(lockFile: string): Promise<Database> {
  const { default: Libsql } = await import("libsql");
  const database = new Libsql(lockFile);
  // Never wait inside SQLite: its calls are synchronous and would hold up the holder, where that is this process.
  database.pragma("busy_timeout = 0");
  return database;
}

function letGo(database: { exec(sql: string): unknown; close(): unknown }): void {
  // Closing alone leaves the transaction open.
  database.exec("ROLLBACK");
  database.close();
}

function begin(database: { exec(sql: string): unknown }): boolean {
  try {
    // Nothing is ever written to it: a journal would need room on a disk that may be full.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY")) return false;
    throw error;
  }
}
