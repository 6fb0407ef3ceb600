import { chmod, lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A file, or a folder with what is in it; null where there is nothing. */
export type Thing = { mode: number; text: string } | { mode: number; entries: Readonly<Record<string, Thing>> } | null;

/** What is at a path, whole. Rejects where it holds more bytes than `atMost`. */
export async function look(path: string, atMost = Number.POSITIVE_INFINITY): Promise<Thing> {
  const about = await lstat(path).catch(() => null);
  if (about === null) return null;
  const mode = about.mode & 0o777;
  if (about.isFile()) {
    if (about.size > atMost) throw new Error(`${path} is too large to be kept`);
    return { mode, text: await readFile(path, "utf8") };
  }
  const entries: Record<string, Thing> = {};
  for (const name of (await readdir(path)).sort()) entries[name] = await look(join(path, name), atMost);
  return { mode, entries };
}

/** Makes a path what it was when it was looked at. */
export async function putBack(path: string, thing: Thing): Promise<void> {
  await rm(path, { recursive: true, force: true });
  if (thing === null) return;
  await mkdir(dirname(path), { recursive: true });
  if ("text" in thing) await writeFile(path, thing.text);
  else {
    await mkdir(path);
    for (const [name, entry] of Object.entries(thing.entries)) await putBack(join(path, name), entry);
  }
  await chmod(path, thing.mode);
}
