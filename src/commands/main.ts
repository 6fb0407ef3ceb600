import { CommanderError } from "commander";
import type { ExitCode } from "../audit/report.ts";
import { Interrupted } from "../evidence/gathering.ts";
import { errorLines, tellStack } from "./errors.ts";
import { createProgram, laterCommand } from "./program.ts";
import type { Surroundings } from "./surroundings.ts";

/** Runs the command line and gives its exit status; throws nothing. */
export async function main(surroundings: Surroundings): Promise<ExitCode> {
  const { argv, stderr } = surroundings;
  const later = laterCommand(argv);
  if (later !== undefined) {
    stderr.write(`clawproof: ${later} is not there yet; the audit is (see --help)\n`);
    return 2;
  }
  let status: ExitCode = 0;
  try {
    const program = createProgram(surroundings, (code) => (status = code));
    await program.parseAsync([...argv], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    if (error instanceof CommanderError) return usageStatus(error, surroundings);
    stderr.write(errorLines(error));
    tellStack(error, surroundings);
    return 2;
  }
}

/** Help and version end in an error too, with status 0; the rest is one line with the nearest option. */
function usageStatus(error: CommanderError, { stderr }: Surroundings): ExitCode {
  if (error.exitCode === 0) return 0;
  // A command of several was asked for none of them: its help has been printed.
  if (error.code === "commander.help") return 2;
  const text = error.message.replace(/^error: /, "").replace(/\n\(Did you mean (.+)\?\)/s, " (did you mean $1?)");
  stderr.write(`clawproof: ${text.replace(/\s+/g, " ").trim()}\n`);
  return 2;
}
