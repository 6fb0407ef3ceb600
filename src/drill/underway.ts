import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { holdFileLock } from "../databases/file-lock.ts";

/**
 * `.clawproof/drill.json`: the traces under which a drill has the agent write, on disk before it does, so that the next
 * drill takes back what a killed one left. The lock beside it, which ends with its process, keeps drills apart.
 */

const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const underway = z.strictObject({
  schema: z.literal("clawproof/drilling@1"),
  trace: traceId,
  /** Of the probes of its faults. */
  faults: z.array(traceId),
  environment: z.string().nullable(),
  at: z.string(),
});

export type Underway = z.infer<typeof underway>;

export const underwayFile = (directory: string): string => join(directory, ".clawproof", "drill.json");

/** Keeps other drills of this configuration out until it is called; null where one is under way. */
export const lockDrills = async (directory: string): Promise<(() => void) | null> => {
  const lock = join(directory, ".clawproof", "drill.lock");
  await mkdir(dirname(lock), { recursive: true });
  return holdFileLock(lock);
};

/** What a drill that was killed left; `damaged` where the file is not what we write. */
export async function readUnderway(directory: string): Promise<Underway | { damaged: true } | null> {
  const text = await readFile(underwayFile(directory), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return underway.parse(JSON.parse(text));
  } catch {
    return { damaged: true };
  }
}

/** On disk, whole, before it returns. Only the holder of the lock writes. */
export async function beginUnderway(directory: string, entry: Omit<Underway, "schema">): Promise<void> {
  const file = underwayFile(directory);
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.draft`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ schema: "clawproof/drilling@1", ...entry }, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}

/** Called when all that was written is taken back, or its remains have been named. */
export const endUnderway = (directory: string): Promise<void> => rm(underwayFile(directory), { force: true });
