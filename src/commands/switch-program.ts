import { Option } from "commander";
import type { KillFlags } from "./kill.ts";
import type { LogFlags } from "./log.ts";
import type { ReleaseFlags } from "./release.ts";
import type { StatusFlags } from "./status.ts";
import { type Add, withSwitchOptions } from "./switch-program-options.ts";

/** The commands that act on a kill switch, whichever it is (contract, 4.1). Each loads what it needs when it is called. */
export const addSwitchCommands: Add = (program, surroundings, done) => {
  addKill(program, surroundings, done);
  addRelease(program, surroundings, done);
  addStatus(program, surroundings, done);
  addLog(program, surroundings, done);
};

const SCOPES = `
A scope is all (everything), AGENT, AGENT@VERSION or AGENT/TYPE (one type of its actions); with drill/ before it, it
is about drills alone. Without any argument it is the agent of the configuration. The switch is the one of --switch,
else of CLAWPROOF_SWITCH_URL (both with CLAWPROOF_TOKEN), else of the configuration.`;

const ORDER_STATUS = `
Exit status: 0 the order stands and all known instances obey, 1 it stands and not all do (or none is known), or
somebody undid it meanwhile, 2 no order was made, 3 no switch answered within 5 s, 130 interrupted while waiting.
On a switch of another make: 0 once its own status says so within --wait, else 1.`;

const addKill: Add = (program, surroundings, done) => {
  const command = program
    .command("kill")
    .summary("stop an agent, or all of them")
    .description(
      "Stops an agent, or all of them, and shows who has obeyed. Never asks for a yes, whatever the environment.",
    )
    .argument("[scope]", "whom to stop: see below")
    .argument("[reason...]", "why, for the log and the alerts")
    .addOption(
      new Option("--mode <MODE>", "nothing goes on, or reading alone")
        .choices(["stopped", "read-only"])
        .default("stopped"),
    )
    .option("--wait <DURATION>", "how long to wait for all instances to obey; 0s does not wait", "30s")
    .option("--ttl <DURATION>", "how long until the order ends by itself; only for a scope under drill/")
    .addHelpText(
      "after",
      `${SCOPES}

Examples:
  clawproof kill support-agent it pays out twice
  clawproof kill all what is this
  clawproof kill support-agent/refund --mode read-only checking a complaint
${ORDER_STATUS}`,
    );
  withSwitchOptions(command, { orders: true }).action(
    async (scope: string | undefined, reason: string[], flags: KillFlags) => {
      const { kill } = await import("./kill.ts");
      done(await kill(wordsOf(scope, reason), flags, surroundings));
    },
  );
};

const addRelease: Add = (program, surroundings, done) => {
  const command = program
    .command("release")
    .summary("let an agent act again")
    .description(
      "Ends the orders on exactly this scope, and names those on wider and narrower scopes that stay in force.",
    )
    .argument("[scope]", "whom to let act again: see below")
    .argument("[reason...]", "why, for the log and the alerts")
    .option("--wait <DURATION>", "how long to wait for all instances to hear it; 0s does not wait", "30s")
    .option(
      "--if-epoch <N>",
      "only where no order on exactly this scope is newer than order N (default: the newest now)",
    )
    .addHelpText(
      "after",
      `${SCOPES}

Examples:
  clawproof release support-agent fixed in 2.4.2
  clawproof release all --if-epoch 17 false alarm
${ORDER_STATUS}`,
    );
  withSwitchOptions(command, { orders: true }).action(
    async (scope: string | undefined, reason: string[], flags: ReleaseFlags) => {
      const { release } = await import("./release.ts");
      done(await release(wordsOf(scope, reason), flags, surroundings));
    },
  );
};

const addStatus: Add = (program, surroundings, done) => {
  const command = program
    .command("status")
    .summary("whether an agent may act, and whose orders hold it")
    .description("Says whether a scope may act, and which orders hold it, or parts of it.")
    .argument("[scope]", "whom to ask about: see below")
    .option("--watch", "go on, and print every change")
    .addHelpText(
      "after",
      `${SCOPES}
Where that names no agent: whether anything is stopped, drills apart.

Exit status: 0 running (parts of it may be held all the same), 1 stopped or read-only, 2 bad arguments,
3 not known: no switch said, 130 interrupted.`,
    );
  withSwitchOptions(command).action(async (scope: string | undefined, flags: StatusFlags) => {
    const { status } = await import("./status.ts");
    done(await status(scope, flags, surroundings));
  });
};

const addLog: Add = (program, surroundings, done) => {
  const command = program
    .command("log")
    .summary("who did what to the switch; whether its log is whole")
    .description("Prints the switch's log, oldest first, or proves that it is whole.")
    .option("--last <N>", "only the newest N entries")
    .addOption(new Option("--follow", "go on, and print what comes").conflicts(["verify", "checkpoint"]))
    .addOption(new Option("--verify", "read all of it and follow its chain of hashes").conflicts(["follow", "last"]))
    .addOption(
      new Option(
        "--checkpoint <FILE>",
        "compare with the signed head in this file, then keep the newer one there",
      ).conflicts(["follow", "last"]),
    )
    .addHelpText(
      "after",
      `
Examples:
  clawproof log --last 20
  clawproof log --format json | jq 'select(.kind == "kill")'
  clawproof log --verify --checkpoint ~/switch.checkpoint     from cron, on another machine than the switch

Exit status: 0 printed, or whole; 1 broken, shortened or replaced; 2 refused; 3 no switch answered; 130 interrupted.`,
    );
  withSwitchOptions(command).action(async (flags: LogFlags) => {
    const { log } = await import("./log.ts");
    done(await log(flags, surroundings));
  });
};

function wordsOf(scope: string | undefined, reason: readonly string[]): string[] {
  return scope === undefined ? [] : [scope, ...reason];
}
