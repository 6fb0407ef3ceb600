import type { Script } from "../config/schema.ts";
import { fill, type PlaceholderValues } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { limitWords } from "../doors/words.ts";
import { type Gathering, Interrupted } from "./gathering.ts";

const DEFAULT_LIMIT_MS = 60_000;
const SHOWN_CHARACTERS = 200;

/** One run of the script that came to its end. */
export interface ScriptRun {
  exit: number;
  stdout: string;
  stderr: string;
  /** `exit 1: first line of what it complained of`. */
  complaint: string;
}

/** Runs the script with these arguments after its own; `why` where it did not come to its end. */
export type RunScript = (
  args: readonly string[],
  placeholders: PlaceholderValues,
) => Promise<ScriptRun | { why: string }>;

/** The script of a project, ready to run. Runs throw MissingSecret, Unfilled and Interrupted. */
export function openScript(script: Script, { project, signal }: Gathering): RunScript {
  const timeoutMs = script.timeout ?? DEFAULT_LIMIT_MS;
  return async (args, placeholders) => {
    const context = contextOf(project, placeholders);
    const argv = await Promise.all([...script.run, ...args].map((word) => fill(word, context)));
    const { runProgram } = await import("../doors/program.ts");
    const { directory, secrets, env } = project;
    try {
      const redact = (text: string): string => secrets.redact(text);
      const { exit, stdout, stderr } = await runProgram({ argv, timeoutMs, signal, directory, env, redact });
      return { exit, stdout, stderr, complaint: complaintOf(exit, stderr) };
    } catch (error) {
      if (signal.aborted) throw new Interrupted("interrupted");
      if (!(error instanceof CallFailed)) throw error;
      return { why: error.kind === "timeout" ? `no answer in ${limitWords(timeoutMs)}` : error.why };
    }
  };
}

function complaintOf(exit: number, stderr: string): string {
  const first = stderr.trim().split("\n")[0]?.trim().slice(0, SHOWN_CHARACTERS);
  return first ? `exit ${exit}: ${first}` : `exit ${exit}`;
}
