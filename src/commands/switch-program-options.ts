import { type Command, Option } from "commander";
import type { ExitCode } from "../audit/report.ts";
import type { Surroundings } from "./surroundings.ts";

/** Adds commands to the program; `done` is told the exit status of the one that ran. */
export type Add = (program: Command, surroundings: Surroundings, done: (status: ExitCode) => void) => void;

const BY = "who acts, on a switch of another make (on clawproof's own it is the token's name)";

/** The options that every command on a switch has (contract, 4.1); `--by` is shown for orders, where it is of use. */
export function withSwitchOptions(command: Command, { orders = false } = {}): Command {
  const by = new Option("--by <NAME>", BY);
  return command
    .option("--switch <URL>", "the switch to act on; CLAWPROOF_TOKEN in the environment signs you in")
    .option("-c, --config <FILE>", "the configuration (default: the nearest clawproof.yaml upward)")
    .option("--env <NAME>", "lay this environment's block over the configuration")
    .addOption(orders ? by : by.hideHelp())
    .option("--format <FORMAT>", "terminal or json", "terminal");
}
