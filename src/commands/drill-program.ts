import { type Command, Option } from "commander";
import type { ExitCode } from "../audit/report.ts";
import { nearest } from "../config/problems.ts";
import { FAULTS, type FaultName } from "../drill/faults/names.ts";
import type { DrillFlags } from "./drill.ts";
import type { DrillLogFlags } from "./drill-log.ts";
import type { DrillVerifyFlags } from "./drill-verify.ts";
import type { RemindFlags } from "./remind.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";
import type { Add } from "./switch-program-options.ts";

/** The commands on drills (contract, section 7). Each loads what it needs when it is called. */
export const addDrillCommands: Add = (program, surroundings, done) => {
  const drill = addDrill(program, surroundings, done);
  addDrillLog(drill, surroundings, done);
  addDrillVerify(drill, surroundings, done);
  addRemind(program, surroundings, done);
};

/** The drill itself; its own subcommands hang on it. */
function addDrill(program: Command, surroundings: Surroundings, done: (status: ExitCode) => void): Command {
  const command = program
    .command("drill")
    .summary("rehearse the stop and the undo, and keep the proof")
    .description(
      "Opens the breaker, writes one of each type, pulls the switch, measures the stop, takes the writes back, releases.",
    )
    .option("--act-on <NAME>", "this environment is protected, and it is meant")
    .option("--by <NAME>", "who holds it (default: the CI's actor, else user@host)")
    .addOption(
      new Option(
        "--fault <NAME>",
        `with this fault, to which drills.faults consents (repeatable): ${FAULTS.join(", ")}`,
      ).argParser((value: string, before: string[] | undefined) => [...(before ?? []), faultNamed(value)]),
    )
    .option("--attest <FILE>", "write an in-toto test result, signed, into this file")
    .option("--key <FILE>", "the Ed25519 key to sign with, as PEM (default: the secret CLAWPROOF_DRILL_KEY)")
    .option("--dry-run", "print what it would act on, touch nothing")
    .addHelpText(
      "after",
      `
Examples:
  clawproof drill
  clawproof drill --env staging
  clawproof drill --dry-run
  clawproof drill log --verify

Exit status: 0 it held, 1 it did not hold, 2 could not run, 3 could not be measured, 4 something that was pulled is not
back, 130 interrupted.`,
    );
  // Said by ourselves, with the nearest: else it is an argument too many.
  command.allowExcessArguments();
  withProject(command).action(async (flags: DrillFlags) => {
    const [word] = command.args;
    if (word !== undefined) {
      const near = nearest(
        word,
        command.commands.map((one) => one.name()),
      );
      throw new UsageError(
        `unknown command "drill ${word}"${near === undefined ? "" : ` (did you mean drill ${near}?)`}; see drill --help`,
      );
    }
    const { drill } = await import("./drill.ts");
    done(await drill(flags, surroundings));
  });
  return command;
}

/** commander checks choices only where it parses the value itself. Throws UsageError. */
function faultNamed(text: string): FaultName {
  const fault = FAULTS.find((one) => one === text);
  if (fault === undefined) throw new UsageError(`unknown fault "${text}"; known: ${FAULTS.join(", ")}`);
  return fault;
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
