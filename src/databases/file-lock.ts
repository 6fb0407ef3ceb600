import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

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
  const { default: Database } = await import("libsql");
  const database = new Database(lockFile);
  database.pragma("busy_timeout = 0");
  if (begin(database)) return () => letGo(database);
  database.close();
  return null;
}

async function acquire(lockFile: string): Promise<() => void> {
  const { default: Database } = await import("libsql");
  const database = new Database(lockFile);
  // Never wait inside SQLite: its calls are synchronous and would hold up the holder, where that is this process.
  database.pragma("busy_timeout = 0");
  for (let waited = 0; !begin(database); waited += RETRY_MS) {
    if (waited >= PATIENCE_MS) {
      database.close();
      throw new Error(`${lockFile} has been locked by another process for ${PATIENCE_MS / 1000} s`);
    }
    await pause(RETRY_MS);
  }
  return () => letGo(database);
}

function letGo(database: { exec(sql: string): unknown; close(): unknown }): void {
  // Closing alone leaves the transaction open.
  database.exec("ROLLBACK");
  database.close();
}

function begin(database: { exec(sql: string): unknown }): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY")) return false;
    throw error;
  }
}
