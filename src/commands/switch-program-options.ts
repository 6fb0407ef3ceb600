import type { Command } from "commander";
import type { ExitCode } from "../audit/report.ts";
import type { Surroundings } from "./surroundings.ts";

/** Adds commands to the program; `done` is told the exit status of the one that ran. */
export type Add = (program: Command, surroundings: Surroundings, done: (status: ExitCode) => void) => void;

/** The options that every command on a switch has (contract, 4.1). */
export function withSwitchOptions(command: Command): Command {
  return command
    .option("--switch <URL>", "the switch to act on, with CLAWPROOF_TOKEN")
    .option("-c, --config <FILE>", "the configuration (default: the nearest clawproof.yaml upward)")
    .option("--env <NAME>", "lay this environment's block over the configuration")
    .option("--by <NAME>", "who acts, for a foreign switch (on clawproof's own it is the token's name)")
    .option("--format <FORMAT>", "terminal or json", "terminal");
}
