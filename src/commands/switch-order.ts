import type { ExitCode } from "../audit/report.ts";
import type { SwitchProblem } from "../operator/problem.ts";
import { chooseTarget, type ForeignTarget, nameOfTarget, type OwnTarget, type Target } from "../operator/target.ts";
import { activatorOf } from "./activator.ts";
import type { Format } from "./formats.ts";
import type { Surroundings } from "./surroundings.ts";
import { formatOf, durationOf, type SwitchFlags } from "./switch-flags.ts";
import { onSwitch } from "./switch-run.ts";
import { reasonOf, scopeOfOrder, typedScopeOf } from "./switch-scope.ts";
import { sameSwitch, scopeWords, typedScope } from "./switch-words.ts";
import { sayWhatIsLeft } from "./leftovers.ts";

/** What kill and release have in common: whom, why, where, and what is said where no switch answers. */

export type Verb = "kill" | "release";

export interface OrderFlags extends SwitchFlags {
  wait: string;
}

/** An order that is about to be given. */
export interface Prepared<Chosen extends Target = Target> {
  verb: Verb;
  target: Chosen;
  /** The switch as messages name it. */
  where: string;
  scope: string;
  reason: string;
  /** On a foreign switch; on ours it is the token's name. */
  by: string;
  waitMs: number;
  format: Format;
  flags: SwitchFlags;
}

/** How an order is given on a switch of either make. */
export interface Give {
  own: (prepared: Prepared<OwnTarget>) => Promise<ExitCode>;
  foreign: (prepared: Prepared<ForeignTarget>) => Promise<ExitCode>;
}

/** Gives an order of one kind or the other, once everything about it is known. Throws UsageError, InvalidConfig, Interrupted. */
export async function orderOn(
  verb: Verb,
  words: readonly string[],
  flags: OrderFlags,
  surroundings: Surroundings,
  give: Give,
): Promise<ExitCode> {
  const { cwd, env, stderr } = surroundings;
  const format = formatOf(flags);
  const waitMs = durationOf("--wait", flags.wait);
  const typed = await typedScopeOf(words, cwd);
  let known: { target: Target; scope: string } | null = null;
  const act = async (): Promise<ExitCode> => {
    const target = await chooseTarget(flags, surroundings);
    const scope = await scopeOfOrder(typed, verb, target, flags, surroundings);
    known = { target, scope };
    const reason = await reasonOf(words, verb, surroundings);
    const where = await nameOfTarget(target, scope);
    stderr.write(`${verb} ${scopeWords(scope)} at ${where} (${target.source})\n`);
    const by = activatorOf(flags.by, env);
    const prepared = { verb, where, scope, reason, by, waitMs, format, flags };
    const status = await (target.kind === "own"
      ? give.own({ ...prepared, target })
      : give.foreign({ ...prepared, target }));
    // After the order: nothing holds one up.
    await sayWhatIsLeft(target.project, surroundings);
    return status;
  };
  return onSwitch(format, surroundings, act, (problem) => adviceFor(problem, verb, known));
}

/** The switch answers, and not to this token: whoever holds it must know how else the agent is stopped. */
const NOT_ADMITTED = new Set([401, 403, 429]);

/** Whether the order has arrived all the same, and what else a person can do (contract, 4.1). */
function adviceFor(
  { kind, status }: SwitchProblem,
  verb: Verb,
  known: { target: Target; scope: string } | null,
): readonly string[] {
  if (known === null) return [];
  const { target, scope } = known;
  if (kind === "refused") {
    if (status === null || !NOT_ADMITTED.has(status)) return [];
    const none = verb === "kill" ? "NOTHING WAS STOPPED." : "Nothing was released.";
    const ways = verb === "kill" ? otherWays(target, scope) : [];
    return [`${none} What else can be done now:`, ...otherToken(target, verb), ...ways];
  }
  const about = `${verb === "kill" ? "NOTHING IS KNOWN TO BE STOPPED" : "nothing is known to be released"}: whether the order arrived, \`clawproof status ${typedScope(scope)}\` tells once the switch answers again.`;
  return verb === "kill" ? [about, "What else can be done now:", ...otherWays(target, scope)] : [about];
}

function otherToken(target: Target, role: Verb): string[] {
  if (target.kind === "foreign") return [];
  const place = target.project === null ? "CLAWPROOF_TOKEN" : `killSwitch.token (${target.source})`;
  return [
    `  - put a token with the role ${role} in ${place}; an admin makes one: clawproof token add NAME --role ${role}`,
  ];
}

function otherWays(target: Target, scope: string): string[] {
  const page = target.kind === "own" ? [`  - open ${target.url}/?scope=${encodeURIComponent(scope)} in a browser`] : [];
  const credentials = target.project?.config.agent.credentials ?? [];
  const named = credentials.length === 0 ? "" : ` (${credentials.join(", ")})`;
  return [
    ...page,
    "  - try the switch under another address, or from another network: --switch URL",
    "  - stop the agent's processes where they run",
    `  - revoke the credentials that it works with${named}`,
  ];
}

/** The command that lets a scope act again, or stops it again. */
export function commandFor(verb: Verb, { scope, flags }: Pick<Prepared, "scope" | "flags">): string {
  return `clawproof ${verb} ${typedScope(scope)} REASON${sameSwitch(flags)}`;
}
