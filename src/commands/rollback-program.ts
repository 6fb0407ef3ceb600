import { type Command, Option } from "commander";
import type { LedgerFlags } from "./ledger.ts";
import type { RollbackFlags } from "./rollback.ts";
import type { Add } from "./switch-program-options.ts";

/** The commands on the ledger (contract, section 6). Each loads what it needs when it is called. */
export const addRollbackCommands: Add = (program, surroundings, done) => {
  addRollback(program, surroundings, done);
  addLedger(program, surroundings, done);
};

const SELECTING = `
T is a duration ago (3h), a clock time (03:00: today, or yesterday if that is still to come) or ISO 8601; without a
zone, this machine's. The window is [since, until), on the start of actions. A scope is all, AGENT, AGENT@VERSION or
AGENT/TYPE; under drill/ it means drills alone.

CLAWPROOF_LEDGER_KEY opens encrypted fields: ID:SECRET, as the agent's guard names them; the secret is 32 bytes, as 64
hexadecimal digits or as base64.`;

const addRollback: Add = (program, surroundings, done) => {
  const command = program
    .command("rollback")
    .summary("take back what an agent did")
    .description("Shows what would be taken back, newest first, asks for the count, and takes it back.")
    .argument("[scope]", "whose actions: see below")
    .addOption(new Option("--dry-run", "show the plan and its hash, change nothing").conflicts(["yes", "plan"]))
    .addOption(new Option("--yes", "do not ask for the count").conflicts(["plan"]))
    .option("--plan <HASH>", "carry out exactly the plan that was reviewed under this hash")
    .addOption(repeatable("--force <ID>", "take this action back whatever was changed since"))
    .addHelpText(
      "after",
      `${SELECTING}

Examples:
  clawproof rollback --trace 4bf92f3577b34da6a3ce929d0e0e4736 --dry-run
  clawproof rollback support-agent@2.4.1 --since 03:00
  clawproof rollback --since 3h --type subscription_update --plan 1f0c9ab24d77

Without a scope or a filter it takes nothing back, unless --plan names what was reviewed: all is everything.
It works while the switch is pulled, and may be run again at any time: what is done is not done twice.

Exit status: 0 everything is taken back and was looked at, 1 something is left, and the report says what, 2 nothing
was tried. With --dry-run: 0 everything could be, 1 something would be left.`,
    );
  withSelection(command).action(async (scope: string | undefined, flags: RollbackFlags) => {
    const { rollback } = await import("./rollback.ts");
    done(await rollback(scope, flags, surroundings));
  });
};

const addLedger: Add = (program, surroundings, done) => {
  const ledger = program.command("ledger").summary("what agents did").description("Prints the ledger of actions.");
  for (const [verb, summary] of [
    ["list", "one line per action, newest first"],
    ["show", "everything that is recorded of actions"],
  ] as const) {
    const command = ledger
      .command(verb)
      .summary(summary)
      .description(`Prints ${summary}.`)
      .argument("[scope]", "whose actions: see below")
      .addHelpText(
        "after",
        `${SELECTING}\n\nExit status: 0 printed, 2 nothing matched, or the ledger could not be read.`,
      );
    withSelection(command).action(async (scope: string | undefined, flags: LedgerFlags) => {
      const { ledger: print } = await import("./ledger.ts");
      done(await print(verb, scope, flags, surroundings));
    });
  }
};

function withSelection(command: Command): Command {
  return command
    .addOption(repeatable("--trace <ID>", "actions of this trace (repeatable)"))
    .option("--since <T>", "actions that started at this moment or later")
    .option("--until <T>", "actions that started before this moment")
    .addOption(repeatable("--type <T>", "actions of this type (repeatable)"))
    .addOption(repeatable("--target <GLOB>", "actions on these targets: * and ? stand for anything (repeatable)"))
    .addOption(repeatable("--subject <ID>", "actions that concern this person or thing (repeatable)"))
    .option("--limit <N>", "at most the newest N actions")
    .option("-c, --config <FILE>", "the configuration (default: the nearest clawproof.yaml upward)")
    .option("--env <NAME>", "lay this environment's block over the configuration")
    .option("--format <FORMAT>", "terminal or json", "terminal");
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, before: string[] | undefined) => [
    ...(before ?? []),
    value,
  ]);
}
