import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { damageOf } from "./damage.ts";

/** No backup was made; the message says why. */
export class BackupFailed extends Error {
  override name = "BackupFailed";
}

/** Copies a data file, as it is at one moment, while a service may run on it. Never overwrites. Throws BackupFailed. */
export async function backUpDataFile(dataFile: string, to: string): Promise<{ entries: number }> {
  if (await exists(to)) throw new BackupFailed(`${to} exists already: name a new file`);
  if (!(await exists(dataFile))) throw new BackupFailed(`${dataFile} does not exist: name it with --data or -c`);
  const { default: Database } = await import("libsql");
  const part = `${to}.part`;
  await rm(part, { force: true });
  try {
    // It holds the hashes of tokens, and the key that signs checkpoints: nobody else reads it, from the first byte on.
    await (await open(part, "wx", 0o600)).close();
    const database = new Database(`${pathToFileURL(dataFile).href}?mode=ro`);
    try {
      database.pragma("busy_timeout = 5000");
      database.prepare("VACUUM INTO ?").run(part);
    } finally {
      database.close();
    }
    const entries = await check(part, new Date().toISOString());
    await sync(part);
    await rename(part, to);
    await sync(dirname(to));
    return { entries };
  } catch (error) {
    await rm(part, { force: true });
    throw new BackupFailed(
      `${dataFile} could not be copied: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * A backup that cannot be read is none. It is marked as what it is: a service that starts on it lacks what was ordered
 * since, and must stop everything until a person has looked.
 */
async function check(path: string, madeAt: string): Promise<number> {
  const { default: Database } = await import("libsql");
  const copy = new Database(path);
  try {
    const damage = damageOf(copy);
    if (damage !== null) throw new Error(`the copy is damaged: ${damage}`);
    copy.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('backup-of', ?)").run(madeAt);
    return (copy.prepare("SELECT count(*) AS entries FROM log").get() as { entries: number }).entries;
  } finally {
    copy.close();
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
