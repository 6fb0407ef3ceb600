import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { errorCode } from "./words.ts";

const MOST_BYTES = 5 * 1024 * 1024;
/** Opening a pipe that nobody writes to would otherwise wait for ever. */
const WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK;

/** A file that could not be read; the message names it as `shown`. */
export class UnreadableFile extends Error {
  override name = "UnreadableFile";
}

/** The text of a file of at most 5 MB; not of a device or pipe, which may never end. Throws UnreadableFile. */
export async function readTextFile(path: string, shown: string): Promise<string> {
  const file = await open(path, WITHOUT_WAITING).catch((error: unknown) => {
    throw new UnreadableFile(wordsFor(error, shown));
  });
  try {
    return await readWhole(file, shown);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, shown: string): Promise<string> {
  const entry = await file.stat();
  if (entry.isDirectory()) throw new UnreadableFile(`${shown} is a folder`);
  if (!entry.isFile()) throw new UnreadableFile(`${shown} is not a plain file`);
  if (entry.size > MOST_BYTES) throw new UnreadableFile(`${shown} is larger than 5 MB`);
  return new TextDecoder().decode(await file.readFile());
}

/** Whether two paths lead to one file, by whatever names and links; false where one of them leads nowhere. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const entry = (path: string) => stat(path, { bigint: true }).catch(() => null);
  const [a, b] = await Promise.all([entry(one), entry(other)]);
  return a !== null && b !== null && a.dev === b.dev && a.ino === b.ino;
}

function wordsFor(error: unknown, shown: string): string {
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return `${shown} does not exist`;
    case "EACCES":
    case "EPERM":
      return `${shown} may not be read (permission denied)`;
    default:
      return `${shown} cannot be read`;
  }
}
