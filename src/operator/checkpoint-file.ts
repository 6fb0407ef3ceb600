import { readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { errorCode } from "../doors/words.ts";
import { isCheckpoint, type SignedCheckpoint } from "./checkpoint.ts";
import { SwitchProblem } from "./problem.ts";

/** The checkpoint in a file; null where there is no such file. Throws SwitchProblem where it holds something else. */
export async function readCheckpoint(file: string, cwd: string): Promise<SignedCheckpoint | null> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw new SwitchProblem("refused", `--checkpoint cannot read ${file}: ${reason(error)}`);
  }
  const value = parsed(text);
  if (isCheckpoint(value)) return value;
  throw new SwitchProblem("refused", `${file} holds no checkpoint; name another file, or move this one away`);
}

/** Writes a checkpoint whole or not at all. Throws SwitchProblem. */
export async function writeCheckpoint(file: string, cwd: string, checkpoint: SignedCheckpoint): Promise<void> {
  const named = resolve(cwd, file);
  const path = await realpath(named).catch(() => named);
  const draft = join(dirname(path), `.${basename(path)}.clawproof-${crypto.randomUUID().slice(0, 8)}`);
  try {
    await writeFile(draft, `${JSON.stringify(checkpoint, null, 2)}\n`, { flag: "wx" });
    await rename(draft, path);
  } catch (error) {
    throw new SwitchProblem("refused", `--checkpoint cannot write ${file}: ${reason(error)}`);
  } finally {
    await rm(draft, { force: true });
  }
}

function reason(error: unknown): string {
  const known: Record<string, string> = {
    ENOENT: "there is no such folder",
    ENOTDIR: "its folder is a file",
    EISDIR: "it is a folder",
    EACCES: "no permission",
    EPERM: "no permission",
    EROFS: "the file system is read-only",
  };
  return known[errorCode(error)] ?? (error instanceof Error ? error.message : String(error));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
