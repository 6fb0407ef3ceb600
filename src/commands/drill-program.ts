import { type Command, Option } from "commander";
import type { DrillLogFlags } from "./drill-log.ts";
import type { DrillVerifyFlags } from "./drill-verify.ts";
import type { RemindFlags } from "./remind.ts";
import type { Add } from "./switch-program-options.ts";
import { UsageError } from "./usage-error.ts";

/** The commands on drills (contract, section 7). Each loads what it needs when it is called. */
export const addDrillCommands: Add = (program, surroundings, done) => {
  const drill = addDrill(program);
  addDrillLog(drill, surroundings, done);
  addDrillVerify(drill, surroundings, done);
  addRemind(program, surroundings, done);
};

/** The drill itself; its own subcommands hang on it. */
function addDrill(program: Command): Command {
  return program
    .command("drill")
    .summary("rehearse the stop and the undo, and keep the proof")
    .description("Rehearses the stop and the undo on the drill scope, and keeps the proof.")
    .action(() => {
      throw new UsageError("drill is not there yet; drill log and drill verify are (see drill --help)");
    });
}

const addDrillLog: Add = (drill, surroundings, done) => {
  const command = drill
    .command("log")
    .summary("the last drills, and whether they can be believed")
    .description("Prints the last drills, how fast the agent stopped in each, and whether that is growing.")
    .option("--last <N>", "only the newest N drills", "12")
    .option("--verify", "hold every line against the switch's own log, or its signature")
    .option("--svg <FILE>", "draw the stop times into this file")
    .addHelpText(
      "after",
      `
Examples:
  clawproof drill log
  clawproof drill log --verify
  clawproof drill log --svg drills.svg

Exit status: 0 printed; with --verify also: 1 a line is broken or cannot be verified, and the first is named;
2 the configuration or the log could not be read, 130 interrupted.`,
    );
  withProject(command).action(async (flags: DrillLogFlags) => {
    const { drillLog } = await import("./drill-log.ts");
    done(await drillLog(flags, surroundings));
  });
};

const addDrillVerify: Add = (drill, surroundings, done) => {
  const command = drill
    .command("verify")
    .summary("check a drill's attestation")
    .description("Checks the signature of an attestation (drill --attest FILE) against the keys that may sign.")
    .argument("<file>", "an in-toto test result in a DSSE envelope")
    .addOption(
      new Option("--key <FILE>", "a public key that may sign, as PEM (repeatable; default: drills.keys)").argParser(
        (value: string, before: string[] | undefined) => [...(before ?? []), value],
      ),
    )
    .addHelpText(
      "after",
      `
Examples:
  clawproof drill verify drill.intoto.json
  clawproof drill verify drill.intoto.json --key drills.pub

Exit status: 0 signed by one of the keys and the drill held, 1 it did not hold, or its signature or what it says cannot
be believed, 2 there is nothing to check, or no key to check it with.`,
    );
  withProject(command).action(async (file: string, flags: DrillVerifyFlags) => {
    const { drillVerify } = await import("./drill-verify.ts");
    done(await drillVerify(file, flags, surroundings));
  });
};

const addRemind: Add = (program, surroundings, done) => {
  const command = program
    .command("remind")
    .summary("whether the next drill is due")
    .description("Says when the last drill was, whether it counts, and when the next one is due.")
    .option("--within <DURATION>", "due within this time is due", "7d")
    .option("--notify", "where it is due, tell people along alerting.routes; it pages nobody")
    .option("--ics <FILE>", "write the due date as a calendar file")
    .addHelpText(
      "after",
      `
Only a drill that held and can be verified counts; it is fresh for drills.every (35 days where that is left out).

Examples:
  clawproof remind                             every day, from cron
  clawproof remind --within 3d --notify
  clawproof remind --ics drills.ics

Exit status: 0 fresh, 1 due within the time or overdue, 2 the configuration could not be read, 3 the drills could not
be read, 130 interrupted.`,
    );
  withProject(command).action(async (flags: RemindFlags) => {
    const { remind } = await import("./remind.ts");
    done(await remind(flags, surroundings));
  });
};

function withProject(command: Command): Command {
  return command
    .option("-c, --config <FILE>", "the configuration (default: the nearest clawproof.yaml upward)")
    .option("--env <NAME>", "lay this environment's block over the configuration")
    .option("--format <FORMAT>", "terminal or json", "terminal");
}
