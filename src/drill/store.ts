import type { Location, Missing } from "../audit/fact.ts";
import type { Project } from "../config/project.ts";
import type { Appended, NewDrillLine, ReadDrillLog } from "./log.ts";

/** Where lines of drills are kept (contract, section 7): the file of `drills.log`, or our own switch with `drills.store`. */

/** Lines cannot be kept or read; the message is for a person and says what to do. */
export class StoreFailed extends Error {
  override name = "StoreFailed";
  /** `absent`: nowhere to keep them, or nothing kept yet; `withheld`: --offline; `failed`: everything else. */
  readonly state: Missing["state"];
  readonly location: Location;
  constructor(state: Missing["state"], message: string, location: Location, options?: ErrorOptions) {
    super(message, options);
    this.state = state;
    this.location = location;
  }
}

/** The lines that a store holds, and how far they are what was written. */
export interface KeptDrills extends ReadDrillLog {
  /** The store as evidence names it: `.clawproof/drills.jsonl`, `drills at http://127.0.0.1:4600`. */
  source: string;
  location: Location;
  /** What a number of a line counts: `line` of a file, `entry` of the switch's log. */
  unit: "line" | "entry";
}

export interface StoreOptions {
  signal?: AbortSignal;
  /** Opens no connection and runs no command. */
  offline?: boolean;
  /** Follows the whole chain that the lines stand in: at a switch that is its whole log, which may be long. */
  whole?: boolean;
}

interface DrillStore {
  read(project: Project, options: StoreOptions): Promise<KeptDrills>;
  append(project: Project, line: NewDrillLine, options: StoreOptions): Promise<Appended>;
  check(project: Project, options: StoreOptions): Promise<string>;
}

/** Reads all lines that are kept; whatever is in them, only a store that cannot be read throws. Throws StoreFailed. */
export async function readDrillLines(project: Project, options: StoreOptions = {}): Promise<KeptDrills> {
  return (await storeOf(project)).read(project, options);
}

/** Keeps a line for good: it is on the disk before this returns. Throws StoreFailed. */
export async function appendDrillLine(
  project: Project,
  line: NewDrillLine,
  options: StoreOptions = {},
): Promise<Appended> {
  return (await storeOf(project)).append(project, line, options);
}

/** Before a drill touches anything: that its line could be kept, and where, as words name it. Throws StoreFailed. */
export async function checkDrillStore(project: Project, options: StoreOptions = {}): Promise<string> {
  return (await storeOf(project)).check(project, options);
}

async function storeOf(project: Project): Promise<DrillStore> {
  const { log, store } = project.config.drills ?? {};
  if (log !== undefined && store !== undefined) {
    throw new StoreFailed(
      "failed",
      "drills.log and drills.store name two places; leave one out (in an environment's block: null removes it)",
      project.where(["drills", "store"]),
    );
  }
  if (store !== undefined) return import("./store-switch.ts");
  if (log !== undefined) return import("./store-file.ts");
  throw new StoreFailed("absent", "drills.log is not configured", project.where(["drills"]));
}
