import type { ExitCode } from "../audit/report.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { chooseTarget, type Choice, type OwnTarget } from "../operator/target.ts";
import { addToken, listTokens, revokeToken } from "../operator/tokens.ts";
import { printable } from "../report/printable.ts";
import type { TokenInfo } from "../switch/protocol/messages.ts";
import { type Role, ROLES } from "../switch/protocol/roles.ts";
import type { Surroundings } from "./surroundings.ts";
import { formatOf, secondsOf, type SwitchFlags } from "./switch-flags.ts";
import { jsonLine, onSwitch } from "./switch-run.ts";
import { localTime } from "./switch-words.ts";
import { UsageError } from "./usage-error.ts";

/** `clawproof token add|list|revoke` (contract, 4), for who has the role `admin`. */

export interface TokenAddFlags extends SwitchFlags {
  role?: string[];
  agent?: string;
  expires?: string;
}

/** Prints the new token alone on standard output: it is never shown again. Throws UsageError, InvalidConfig. */
export async function tokenAdd(name: string, flags: TokenAddFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const format = formatOf(flags);
  const roles = [...new Set((flags.role ?? []).map(roleOf))];
  if (roles.length === 0) throw new UsageError(`a token needs --role, one or more of ${ROLES.join(", ")}`);
  const expiresInSeconds = secondsOf("--expires", flags.expires);
  const { agent } = flags;
  return onSwitch(format, surroundings, async () => {
    const target = await oursOf(flags, surroundings);
    const added = await addToken(target, {
      name,
      roles,
      ...(agent === undefined ? {} : { agent }),
      ...(expiresInSeconds === undefined ? {} : { expiresInSeconds }),
    });
    stdout.write(format === "json" ? jsonLine(added) : `${added.token}\n`);
    stderr.write(`${describe(added)}; keep it now: it is not shown again\n`);
    return 0;
  });
}

/** Throws UsageError, InvalidConfig. */
export async function tokenList(flags: SwitchFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = formatOf(flags);
  return onSwitch(format, surroundings, async () => {
    const tokens = await listTokens(await oursOf(flags, surroundings));
    surroundings.stdout.write(format === "json" ? jsonLine(tokens) : tokens.map((row) => `${rowLine(row)}\n`).join(""));
    return 0;
  });
}

/** Throws UsageError, InvalidConfig. */
export async function tokenRevoke(name: string, flags: SwitchFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = formatOf(flags);
  return onSwitch(format, surroundings, async () => {
    await revokeToken(await oursOf(flags, surroundings), name);
    surroundings.stdout.write(
      format === "json" ? jsonLine({ revoked: name }) : `${printable(name)} is revoked; its streams end too\n`,
    );
    return 0;
  });
}

async function oursOf(choice: Choice, surroundings: Surroundings): Promise<OwnTarget> {
  const target = await chooseTarget(choice, surroundings);
  if (target.kind === "own") return target;
  throw new SwitchProblem("refused", `only clawproof's own switch has tokens of ours (${target.source} names another)`);
}

function roleOf(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (role === undefined) throw new UsageError(`--role takes ${ROLES.join(", ")}, not "${printable(text)}"`);
  return role;
}

function describe({
  name,
  roles,
  agent,
  expiresAt,
}: Pick<TokenInfo, "name" | "roles" | "agent" | "expiresAt">): string {
  const bound = agent === null ? "" : `, for ${printable(agent)}`;
  const end = expiresAt === null ? "without an end" : `until ${localTime(expiresAt)}`;
  return `${printable(name)}: ${roles.join(", ")}${bound}, ${end}`;
}

function rowLine(row: TokenInfo): string {
  const { createdAt, createdBy, revokedAt } = row;
  const made = `made ${localTime(createdAt)} by ${printable(createdBy)}`;
  return `${describe(row)}; ${made}${revokedAt === null ? "" : `; REVOKED ${localTime(revokedAt)}`}`;
}
