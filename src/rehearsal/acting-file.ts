import { copyFile, constants, link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { lives, startOf } from "../doors/process-info.mjs";

/**
 * `.clawproof/acting.json` beside clawproof.yaml: what is about to be pulled, and by which process, on disk before it
 * happens, so that the next run can put back what a killed one left (contract, 2.4 step 0). There is one at a time.
 */

const SCHEMA = "clawproof/acting@1";
const processId = z.strictObject({ pid: z.int().positive(), start: z.string().nullable() });
/** What a drill did to a process on purpose; `process` is null where commands did it. */
const faultNote = z.strictObject({
  target: z.enum(["agent", "switch"]),
  did: z.enum(["frozen", "killed"]),
  process: processId.nullable(),
  /** Who puts it back where the drill has died. */
  guardian: processId,
});

const acting = z.strictObject({
  schema: z.literal(SCHEMA),
  /** `fault`: nothing is pulled, and something is frozen. */
  what: z.enum(["kill-switch", "breaker", "fault"]),
  fault: faultNote.optional(),
  scope: z.string(),
  mark: z.string(),
  activator: z.string(),
  /** Of a drill: what sees that writes are accepted again writes under it too, and is taken back with the rest. */
  trace: z.string().optional(),
  environment: z.string().nullable(),
  /** SHA-256 of the clawproof.yaml that it was pulled with. */
  config: z.string(),
  at: z.string(),
  /** How a person puts it back: a line for a shell, without secrets. */
  putBack: z.string(),
  /** Digests of the log's entries on the scope before it was pulled; null where there is no log. */
  logBefore: z.array(z.string()).nullable().default(null),
  pid: z.int().positive(),
  /** When that process started, in the system's own words: a pid is given out again. Null where nothing tells. */
  startedAt: z.string().nullable(),
});

export type Acting = z.infer<typeof acting>;
export type FaultNote = z.infer<typeof faultNote>;
export type ActingEntry = Omit<Acting, "schema" | "pid" | "startedAt">;

/** Somebody else's file is there already: two runs at once, or one that left something pulled. */
export class ActingTaken extends Error {
  override name = "ActingTaken";
}

export const actingFile = (directory: string): string => join(directory, ".clawproof", "acting.json");

/** What a run left, if anything; `damaged` where the file is not what we write. */
export async function readActing(directory: string): Promise<Acting | { damaged: true } | null> {
  const text = await readFile(actingFile(directory), "utf8").catch(codeOf);
  if (typeof text !== "string") return text.code === "ENOENT" || text.code === "ENOTDIR" ? null : { damaged: true };
  try {
    const parsed = acting.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : { damaged: true };
  } catch {
    // Not JSON: edited by hand, or a disk that lost the end of it.
    return { damaged: true };
  }
}

/** Writes it and has file and folder on disk before it returns. Throws ActingTaken, or what the file system says. */
export async function beginActing(directory: string, entry: ActingEntry): Promise<void> {
  const file = actingFile(directory);
  const whole: Acting = {
    schema: SCHEMA,
    ...entry,
    pid: process.pid,
    startedAt: startOf(process.pid),
  };
  await mkdir(dirname(file), { recursive: true });
  // Whole before it gets its name: whoever finds it can read it, and of two runs one is first.
  const draft = `${file}.${process.pid}`;
  await writeSynced(draft, `${JSON.stringify(whole, null, 2)}\n`);
  try {
    await nameIt(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dirname(file));
}

/** Our hold on the file: begun at most once, and ended only by who began it. */
export interface ActingHold {
  /** Null once it is on disk, else why nothing may be pulled. */
  begin(): Promise<string | null>;
  /** Takes the file away, where we wrote it. */
  end(): Promise<void>;
}

export function holdActing(directory: string, entry: () => Promise<ActingEntry>): ActingHold {
  let begun: Promise<string | null> | null = null;
  const begin = async (): Promise<string | null> => {
    try {
      await beginActing(directory, await entry());
      return null;
    } catch (error) {
      if (error instanceof ActingTaken) return error.message;
      const { code } = codeOf(error);
      if (code === "") throw error;
      return `${actingFile(directory)} cannot be written (${code}), and nothing is pulled without it`;
    }
  };
  return {
    begin: () => (begun ??= begin()),
    async end() {
      const why = await begun?.catch(() => "it was never written");
      if (why === null) await endActing(directory);
    },
  };
}

/** Called when all is back. */
export async function endActing(directory: string): Promise<void> {
  await rm(actingFile(directory), { force: true });
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function nameIt(draft: string, file: string): Promise<void> {
  const taken = new ActingTaken(`${file} is there already: another clawproof is acting, or left something pulled`);
  const failure = await link(draft, file).then(() => null, codeOf);
  if (failure?.code === "EEXIST") throw taken;
  if (failure === null) return;
  // File systems without hard links: as exclusive, but half a file may be seen.
  const copied = await copyFile(draft, file, constants.COPYFILE_EXCL).then(() => null, codeOf);
  if (copied?.code === "EEXIST") throw taken;
  if (copied !== null) throw copied.error;
  await sync(file);
}

async function syncFolder(folder: string): Promise<void> {
  const failure = await sync(folder).then(() => null, codeOf);
  // Windows opens no folders; there the file's own sync has to do.
  if (failure !== null && failure.code !== "EISDIR" && failure.code !== "EPERM") throw failure.error;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): { code: string; error: unknown } {
  return { code: error instanceof Error && "code" in error ? String(error.code) : "", error };
}

/** Whether the process that wrote it still runs. */
export function writerLives({ pid, startedAt }: Acting): boolean {
  return lives({ pid, start: startedAt });
}
