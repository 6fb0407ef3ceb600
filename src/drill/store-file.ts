import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Source } from "../config/call.ts";
import type { Project } from "../config/project.ts";
import { MissingSecret } from "../config/secrets.ts";
import { fill, mask, Unfilled } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { errorCode } from "../doors/words.ts";
import { type Appended, appendDrill, type NewDrillLine, readDrillLog } from "./log.ts";
import { type KeptDrills, StoreFailed, type StoreOptions } from "./store.ts";

/** Lines of drills in a file; for reading, in any source. */

/** Throws StoreFailed. */
export async function read(project: Project, { signal, offline = false }: StoreOptions): Promise<KeptDrills> {
  const log = logOf(project);
  const location = project.where(["drills", "log"]);
  const { isOffline, readSource, SourceFailed } = await import("../doors/source.ts");
  if (offline && !isOffline(log)) throw new StoreFailed("withheld", "--offline opens no connection", location);
  try {
    const { text, shown } = await readSource(log, contextOf(project, {}, signal ? { signal } : {}));
    return { ...readDrillLog(text), source: shown, location, unit: "line" };
  } catch (error) {
    if (!(error instanceof SourceFailed)) throw error;
    // Nobody drilled yet: that is no mishap.
    if (error.why.endsWith(" does not exist")) throw new StoreFailed("absent", `${error.why} yet`, location);
    throw new StoreFailed("failed", error.why, location, { cause: error });
  }
}

/** Throws StoreFailed. */
export async function append(project: Project, line: NewDrillLine): Promise<Appended> {
  const { path, shown } = await fileOf(project);
  try {
    return await appendDrill(path, line);
  } catch (error) {
    if (errorCode(error) === "") throw error;
    throw unwritable(project, shown, error);
  }
}

/** Throws StoreFailed. */
export async function check(project: Project): Promise<string> {
  const { path, shown } = await fileOf(project);
  try {
    const there = await nearestThere(path);
    if (there.path === path && !there.isFile) {
      throw new StoreFailed("failed", `${shown} is not a plain file`, project.where(["drills", "log"]));
    }
    await access(there.path, there.isFile ? constants.W_OK : constants.W_OK | constants.X_OK);
  } catch (error) {
    if (errorCode(error) === "") throw error;
    throw unwritable(project, shown, error);
  }
  return shown;
}

/** The file, or the nearest folder above it that is there: the rest is made when the line is kept. */
async function nearestThere(path: string): Promise<{ path: string; isFile: boolean }> {
  try {
    return { path, isFile: (await stat(path)).isFile() };
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    return nearestThere(dirname(path));
  }
}

function logOf({ config }: Project): Source {
  return config.drills?.log ?? "";
}

/** Only a file can be added to; whatever else gives a log is for reading. */
async function fileOf(project: Project): Promise<{ path: string; shown: string }> {
  const log = logOf(project);
  const location = project.where(["drills", "log"]);
  const written = typeof log === "string" ? log : "file" in log && log.at === undefined ? log.file : null;
  if (written === null || written.includes("#")) {
    throw new StoreFailed(
      "failed",
      "a drill adds its line to a file, and drills.log is something else: name a file, or use drills.store: switch",
      location,
    );
  }
  try {
    const context = contextOf(project);
    return { path: resolve(project.directory, await fill(written, context)), shown: await mask(written, context) };
  } catch (error) {
    if (!(error instanceof MissingSecret || error instanceof Unfilled)) throw error;
    throw new StoreFailed("failed", error.message, location, { cause: error });
  }
}

const REASONS: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  ENOTDIR: "a file stands where its folder would be",
};

function unwritable(project: Project, shown: string, error: unknown): StoreFailed {
  const code = errorCode(error);
  const why = REASONS[code] ?? code;
  return new StoreFailed("failed", `${shown} cannot be written (${why})`, project.where(["drills", "log"]), {
    cause: error,
  });
}
