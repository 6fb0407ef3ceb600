import type { ExitCode } from "../audit/report.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { printable } from "../report/printable.ts";
import type { Format } from "./formats.ts";
import type { Surroundings } from "./surroundings.ts";

/** The exit status where nothing was done, and where no switch answered (contract, 4.1). */
const REFUSED = 2;
const UNANSWERED = 3;

/** Runs a command on a switch; what it could not do is said, in both forms, and becomes the exit status. */
export async function onSwitch(
  format: Format,
  surroundings: Surroundings,
  act: () => Promise<ExitCode>,
  advice: (problem: SwitchProblem) => readonly string[] = () => [],
): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  // An order stands, whoever stops waiting for it: nothing is put back.
  surroundings.onSignal = () => undefined;
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof SwitchProblem)) throw error;
    const exitCode = error.kind === "refused" ? REFUSED : UNANSWERED;
    const lines = advice(error);
    stderr.write(`clawproof: ${printable(error.message)}\n${lines.map((line) => `${line}\n`).join("")}`);
    if (format === "json") stdout.write(jsonLine({ error: error.message, advice: lines, exitCode }));
    return exitCode;
  }
}

/** What JSON leaves as it is and a terminal obeys, or shows out of order. */
const DRIVING = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** One JSON value on a line of its own, in signs that no terminal obeys. */
export function jsonLine(value: unknown): string {
  const escaped = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value).replace(DRIVING, escaped)}\n`;
}
