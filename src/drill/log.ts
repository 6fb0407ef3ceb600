import { open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { canonicalJson } from "../values/canonical-json.ts";
import { breakBetween, chain } from "../values/hash-chain.ts";
import type { DrillLine } from "./line.ts";
import { withFileLock } from "../databases/file-lock.ts";
import { parseDrillLine } from "./parse.ts";

/** A line as the drill command hands it in: its place in the chain is not its business. */
export type NewDrillLine = Omit<DrillLine, "previous" | "hash">;

export interface ReadDrillLog {
  /** Lines that are whole and unchanged since they were written, oldest first; whether they belong together says `brokenAt`. */
  lines: { lineNumber: number; line: DrillLine }[];
  /** Lines that do not count, each with why. */
  refused: { lineNumber: number; why: string }[];
  /**
   * The first place where the log is not what was written. A log whose *last* lines were removed is not broken: that
   * shows only where lines are held against the switch's log.
   */
  brokenAt: { lineNumber: number; why: string } | null;
}

/** What happened when a line was added. */
export interface Appended {
  line: DrillLine;
  /** Number of a half-written line that a crash left before it and that a person should remove; null where there is none. */
  halfLine: number | null;
}

/** Reads a drill log and verifies its chain; whatever is in it, it does not throw. */
export function readDrillLog(text: string): ReadDrillLog {
  const log: ReadDrillLog = { lines: [], refused: [], brokenAt: null };
  let before = { hash: "", lineNumber: 0 };
  for (const { lineNumber, text: lineText, terminated } of splitLines(text)) {
    const parsed = parseDrillLine(lineText);
    if ("why" in parsed) {
      refuse(log, lineNumber, terminated ? parsed.why : `half a line (its writer was interrupted): ${parsed.why}`);
      continue;
    }
    const { line } = parsed;
    const broken = breakBetween(before.hash, line);
    if (broken === "changed") {
      refuse(log, lineNumber, "changed after it was written: its hash does not fit");
    } else {
      if (broken === "unlinked") markBroken(log, lineNumber, whyUnlinked(before.lineNumber));
      log.lines.push({ lineNumber, line });
    }
    before = { hash: line.hash, lineNumber };
  }
  return log;
}

/**
 * Adds a drill to the log: locked against other writers, synced before it returns, never joined with half a line that
 * a crash left behind (that one stays, and is named when the log is read). Creates the file and its folder.
 */
export async function appendDrill(file: string, entry: NewDrillLine): Promise<Appended> {
  return withFileLock(`${file}.lock`, async () => {
    const text = await readIfThere(file);
    const lines = splitLines(text).map((each) => ({ ...each, parsed: parseDrillLine(each.text) }));
    const whole = lines.flatMap(({ parsed }) => ("line" in parsed ? [parsed.line] : []));
    const line = chain(entry, whole.at(-1)?.hash ?? "");
    const last = lines.at(-1);
    const open = last !== undefined && !last.terminated;
    await appendSynced(file, `${open ? "\n" : ""}${canonicalJson(line)}\n`);
    return { line, halfLine: open && "why" in last.parsed ? last.lineNumber : null };
  });
}

function refuse(log: ReadDrillLog, lineNumber: number, why: string): void {
  log.refused.push({ lineNumber, why });
  markBroken(log, lineNumber, why);
}

function markBroken(log: ReadDrillLog, lineNumber: number, why: string): void {
  log.brokenAt ??= { lineNumber, why };
}

function whyUnlinked(before: number): string {
  return before === 0
    ? "the lines before it were removed: it is not the first of its log"
    : `does not follow line ${before}: what stood between them was removed or changed`;
}

interface TextLine {
  lineNumber: number;
  text: string;
  /** Ends with a newline: its writer came to the end. */
  terminated: boolean;
}

function splitLines(text: string): TextLine[] {
  const parts = text.replace(/^\uFEFF/, "").split("\n");
  return parts
    .map((part, index) => ({ lineNumber: index + 1, text: part.trim(), terminated: index < parts.length - 1 }))
    .filter((line) => line.text !== "");
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

async function appendSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, "a");
  try {
    await handle.appendFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(file));
}

/** A new file survives a power cut only once its folder's entry does. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
