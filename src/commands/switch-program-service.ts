import { Option } from "commander";
import { ROLES } from "../switch/protocol/roles.ts";
import type { ServeFlags } from "./serve.ts";
import type { SwitchFlags } from "./switch-flags.ts";
import { type Add, withSwitchOptions } from "./switch-program-options.ts";
import type { TokenAddFlags } from "./token.ts";

/** The commands around clawproof's own switch. Each loads what it needs when it is called. */
export const addServiceCommands: Add = (program, surroundings, done) => {
  addServe(program, surroundings, done);
  addToken(program, surroundings, done);
  addAlerts(program, surroundings, done);
};

const addServe: Add = (program, surroundings, done) => {
  program
    .command("serve")
    .summary("run the kill switch service")
    .description("Runs the kill switch service, apart from every agent, until it is told to end (SIGTERM, SIGINT).")
    .option("-c, --config <FILE>", "its configuration, switch.yaml; the options below win")
    .option("--listen <HOST:PORT>", "where to listen (default: 127.0.0.1:4600); port 0 picks a free one")
    .option("--data <FILE>", "its data file; made on the first start, which prints the operator's token once")
    .option("--backup <FILE>", "copy the data file of a service that may be running, and end")
    .addHelpText(
      "after",
      `
Examples:
  clawproof serve --data /var/lib/clawproof/switch.db
  clawproof serve -c switch.yaml --listen 0.0.0.0:4600      needs tls or behindProxy in switch.yaml
  clawproof serve --data switch.db --backup /backup/switch.db

Exit status: 0 ended as it was told, or backed up; 2 it could not run.`,
    )
    .action(async (flags: ServeFlags) => {
      const { serve } = await import("./serve.ts");
      done(await serve(flags, surroundings));
    });
};

const addToken: Add = (program, surroundings, done) => {
  const token = program
    .command("token")
    .summary("who may do what at the switch: add, list, revoke")
    .description("The tokens of clawproof's own switch. You need one with the role admin.");
  const add = token
    .command("add")
    .summary("make a token and print it, once")
    .description("Makes a token and prints it alone on standard output: it is never shown again.")
    .argument("<name>", "whose it is: the name that the log shows")
    .addOption(
      new Option("--role <ROLE>", `needed: ${ROLES.join(", ")} (repeatable, or separated by commas)`).argParser(
        (list: string, before: string[] = []) => [...before, ...list.split(",").map((role) => role.trim())],
      ),
    )
    .option("--agent <AGENT>", "the agent that a token of the role agent is bound to")
    .option("--expires <DURATION>", "when it ends by itself, such as 90d")
    .addHelpText(
      "after",
      `
Roles: kill stops; release lets act again; admin manages tokens; read looks on, which all of these may too. agent is
for the agent's own process: it has that role alone, and --agent.

Examples:
  clawproof token add kim --role kill --role release --expires 90d
  clawproof token add support-agent --role agent --agent support-agent > token`,
    );
  withSwitchOptions(add).action(async (name: string, flags: TokenAddFlags) => {
    const { tokenAdd } = await import("./token.ts");
    done(await tokenAdd(name, flags, surroundings));
  });
  const list = token
    .command("list")
    .summary("who has one, with which roles, and until when")
    .description("Lists whose tokens there are, their roles and ends; never the tokens themselves.");
  withSwitchOptions(list).action(async (flags: SwitchFlags) => {
    const { tokenList } = await import("./token.ts");
    done(await tokenList(flags, surroundings));
  });
  const revoke = token
    .command("revoke")
    .summary("end a token at once")
    .description("Ends a token, and the streams that it opened, at once. The last admin's cannot be revoked.")
    .argument("<name>", "whose it is");
  withSwitchOptions(revoke).action(async (name: string, flags: SwitchFlags) => {
    const { tokenRevoke } = await import("./token.ts");
    done(await tokenRevoke(name, flags, surroundings));
  });
};

const addAlerts: Add = (program, surroundings, done) => {
  const alerts = program
    .command("alerts")
    .summary("whether news of the switch arrives: test")
    .description("Where news of the switch goes.");
  const test = alerts
    .command("test")
    .summary("send a test along every route")
    .description("Sends a test along every route, and says what that proved and what not.")
    .addHelpText(
      "after",
      "\nExit status: 0 every route took it, 1 some did not, 2 there is nothing to test, 3 no switch answered.",
    );
  withSwitchOptions(test).action(async (flags: SwitchFlags) => {
    const { alertsTest } = await import("./alerts.ts");
    done(await alertsTest(flags, surroundings));
  });
};
