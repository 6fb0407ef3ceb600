import { readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { isThere, ownLine, type ProcessId, processInfo } from "../../doors/process-info.mjs";
import { errorCode } from "../../doors/words.ts";

/** A pid file may be this much older than its process: the system counts starts from a boot that it knows to seconds. */
const SKEW_MS = 10_000;

/**
 * The process that a pid file names, if it may be frozen and killed: it lives, it is ours, and it is neither we nor
 * anything that we run under. `why` otherwise, with the file's name as it was written.
 */
export async function processOf(written: string, directory: string): Promise<ProcessId | { why: string }> {
  const read = await readPidFile(resolve(directory, written));
  if ("why" in read) return { why: `${written} ${read.why}` };
  const why = whyNot(read);
  if (why !== null) return { why: `${written} names process ${read.pid}, ${why}` };
  return { pid: read.pid, start: processInfo(read.pid)?.start ?? null };
}

interface PidFile {
  pid: number;
  writtenMs: number;
}

async function readPidFile(file: string): Promise<PidFile | { why: string }> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, "utf8"), stat(file)]);
    const pid = /^\s*(\d{1,10})\s*$/.exec(text)?.[1];
    return pid === undefined ? { why: "does not hold a process id" } : { pid: Number(pid), writtenMs: mtimeMs };
  } catch (error) {
    return { why: errorCode(error) === "ENOENT" ? "does not exist" : `cannot be read (${errorCode(error)})` };
  }
}

function whyNot({ pid, writtenMs }: PidFile): string | null {
  if (pid <= 1) return "under which everything here runs";
  if (ownLine().includes(pid)) return "which is clawproof itself or what started it";
  const info = processInfo(pid);
  if (info === null) return isThere(pid) ? "of which nothing tells when it started" : "which does not exist";
  if (info.state === "Z") return "which has ended";
  const { uid } = userInfo();
  if (info.user !== null && uid >= 0 && info.user !== uid) return "which belongs to another user";
  if (info.startedMs !== null && info.startedMs > writtenMs + SKEW_MS)
    return "which started after the file was written: the number was given out again";
  return null;
}
