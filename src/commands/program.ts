import { Command, Option } from "commander";
import type { ExitCode } from "../audit/report.ts";
import { nearest } from "../config/problems.ts";
import type { AuditFlags } from "./audit-options.ts";
import { addDrillCommands } from "./drill-program.ts";
import { addRollbackCommands } from "./rollback-program.ts";
import type { Surroundings } from "./surroundings.ts";
import { addServiceCommands } from "./switch-program-service.ts";
import { addSwitchCommands } from "./switch-program.ts";
import { UsageError } from "./usage-error.ts";

/** Commands of the contract that are built later; asking for one is an error that says so. */
const LATER = ["init", "explain"];

const EXAMPLES = `
Examples:
  clawproof --check 05                        audit with the nearest clawproof.yaml
  clawproof --dry-run                         what it would read and act on; sends nothing
  clawproof --check 05.6,drill-recency -v     two checks, with their evidence
  clawproof --offline --format json           on a stranger's pull request
  clawproof --env production --act-on production
  clawproof kill support-agent it pays out twice
  clawproof help kill                         what a command takes

Exit status: 0 nothing stands against it, 1 findings, 2 could not run, 3 something could not be checked,
4 something that was pulled is not back, 130 interrupted. Commands have their own: see their help.`;

/** The command line; `done` is told the exit status. Its parse throws CommanderError, UsageError and what a command throws. */
export function createProgram(surroundings: Surroundings, done: (status: ExitCode) => void): Command {
  const program = new Command("clawproof")
    .description(
      "Can you stop your AI agent in 30 seconds, and take back what it did? An audit that rests on evidence.",
    )
    .usage("[options] | COMMAND")
    .version(surroundings.version, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
      // Said once, on one line, by whoever catches it.
      outputError: () => undefined,
    })
    .enablePositionalOptions()
    .argument("[command...]")
    .addHelpText("after", EXAMPLES);
  for (const option of auditOptions()) program.addOption(option);
  program.action(async (words: string[], flags: AuditFlags) => {
    const [word] = words;
    if (word !== undefined) throw new UsageError(unknownCommand(word, program));
    const { audit } = await import("./audit.ts");
    done(await audit(flags, surroundings));
  });
  addSwitchCommands(program, surroundings, done);
  addServiceCommands(program, surroundings, done);
  addRollbackCommands(program, surroundings, done);
  addDrillCommands(program, surroundings, done);
  program.hook("preAction", (_, action) => {
    for (let above = action.parent; above !== null; above = above.parent) passOn(above, action);
  });
  // After the commands, which would inherit it: `clawproof kill help` kills the agent of that name.
  program.helpCommand("help [command]", "print what a command takes");
  // The only argument is the command, and the list of commands says more about that.
  program.configureHelp({ visibleArguments: () => [] });
  return program;
}

/** Options before a command are of the one above it; what the command knows too is taken for its own. Throws UsageError. */
function passOn(above: Command, command: Command): void {
  for (const option of above.options) {
    const name = option.attributeName();
    if (above.getOptionValueSource(name) !== "cli") continue;
    const isKnown = command.options.some((own) => own.attributeName() === name);
    if (!isKnown) {
      const owner = above.parent === null ? "the audit" : above.name();
      throw new UsageError(`${option.long ?? option.flags} is an option of ${owner}, not of ${command.name()}`);
    }
    if (command.getOptionValueSource(name) === "cli") continue;
    command.setOptionValueWithSource(name, above.getOptionValue(name), "cli");
  }
}

function auditOptions(): Option[] {
  return [
    new Option("--check <LIST>", "suites, ids or keys, separated by commas (repeatable; default: all)")
      .argParser(appendAll)
      .default([], "all"),
    new Option("-c, --config <FILE>", "the configuration (default: the nearest clawproof.yaml upward)"),
    new Option("--env <NAME>", "lay this environment's block over the configuration"),
    new Option("--dry-run", "send nothing: say what would be read, acted on and left alone").conflicts([
      "offline",
      "readOnly",
    ]),
    new Option("--offline", "open no connection and no database, run no command").conflicts(["dryRun", "readOnly"]),
    new Option("--read-only", "open connections, act on nothing").conflicts(["dryRun", "offline"]),
    new Option("--act-on <NAME>", "let the audit act on this protected environment"),
    new Option("--by <NAME>", "who pulls the switch (default: the CI's actor, else user@host)"),
    new Option("--format <FORMAT>", "form of the report on standard output: terminal, json").default("terminal"),
    new Option("--output <FORMAT:FILE>", "write the report to a file too (repeatable)")
      .argParser(append)
      .default([], "none"),
    new Option("--fail-on <LEVEL>", "exit 1 from here: fail, warn, never").default("fail"),
    new Option("-v, --verbose", "print the evidence under each line").conflicts("quiet"),
    new Option("-q, --quiet", "leave out what to do next").conflicts("verbose"),
    new Option("--no-color", "no colours (NO_COLOR and FORCE_COLOR are honoured)"),
  ];
}

function append(value: string, before: string[]): string[] {
  return [...before, value];
}

function appendAll(list: string, before: string[]): string[] {
  return [...before, ...list.split(",").map((item) => item.trim())];
}

function unknownCommand(word: string, program: Command): string {
  const near = nearest(word, [...program.commands.map((command) => command.name()), ...LATER]);
  return `unknown command "${word}"${near === undefined ? "" : ` (did you mean ${near}?)`}; see --help`;
}

/** Where the command line begins with a command that is built later, its name: its own arguments mean nothing yet. */
export function laterCommand([first]: readonly string[]): string | undefined {
  return LATER.find((name) => name === first);
}
