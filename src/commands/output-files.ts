import { constants } from "node:fs";
import { access, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { OutputFile } from "./formats.ts";
import { UsageError } from "./usage-error.ts";

/** Says before anything runs which file of an option could not be written afterwards. Throws UsageError. */
export async function checkWritable(
  outputs: readonly Pick<OutputFile, "file">[],
  cwd: string,
  option = "--output",
): Promise<void> {
  for (const { file } of outputs) {
    const path = resolve(cwd, file);
    const there = await stat(path).catch(() => null);
    if (there?.isDirectory()) throw unwritable(option, file, "it is a folder");
    const asked = there && !there.isFile() ? access(path, constants.W_OK) : folderWritable(path);
    await asked.catch((error: unknown) => {
      throw unwritable(option, file, reason(error, dirname(file)));
    });
  }
}

function folderWritable(path: string): Promise<void> {
  // With a dot, so that a plain file in the folder's place is told from a folder that is not writable.
  return access(`${dirname(path)}/.`, constants.W_OK | constants.X_OK);
}

/** Writes the file of an option whole or not at all: a reader never sees half of one. Throws UsageError. */
export async function writeWhole(file: string, cwd: string, text: string, option = "--output"): Promise<void> {
  const named = resolve(cwd, file);
  try {
    // Through a link to where it points; and a device or a pipe (/dev/null) is written to, never replaced.
    const path = await realpath(named).catch(() => named);
    const there = await stat(path).catch(() => null);
    if (there && !there.isFile()) await writeFile(path, text);
    else await replace(path, text);
  } catch (error) {
    throw unwritable(option, file, reason(error, dirname(file)));
  }
}

async function replace(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.clawproof-${crypto.randomUUID().slice(0, 8)}`);
  try {
    await writeFile(draft, text, { flag: "wx" });
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

function unwritable(option: string, file: string, why: string): UsageError {
  return new UsageError(`${option} cannot write ${file}: ${why}`);
}

function reason(error: unknown, folder: string): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return `there is no folder ${folder}`;
  if (code === "EACCES" || code === "EROFS" || code === "EPERM") return `${folder} is not writable`;
  if (code === "ENOTDIR") return `${folder} is not a folder`;
  return error instanceof Error ? error.message : String(error);
}
