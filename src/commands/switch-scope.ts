import { readdir, stat } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { resolve } from "node:path";
import { agentsOf, readFleet } from "../operator/fleet.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { configuredProject, type Choice, type Target } from "../operator/target.ts";
import { printable } from "../report/printable.ts";
import { parseScope, SCOPE_FORMS } from "../switch/protocol/scope.ts";
import { canAsk, nextLine } from "./consent.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

/** Whom an order is about, and why: the words after the command. */
export interface ScopeAndReason {
  scope: string;
  reason: string;
}

/** Checks the scope that was typed before anything is asked or sent; null where none was. Throws UsageError. */
export async function typedScopeOf(words: readonly string[], cwd: string): Promise<string | null> {
  const [first, ...rest] = words;
  if (first === undefined) return null;
  if (rest.length > 0 && (await isExpanded(words, cwd))) {
    throw new UsageError(`the shell expanded *; write all (nothing was done)`);
  }
  return checkedScope(first);
}

/** The scope that a word names; `all` is everything. Throws UsageError. */
export function checkedScope(word: string): string {
  const scope = word.replace(/^(drill\/)?all$/, "$1*");
  if (parseScope(scope) !== null) return scope;
  throw new UsageError(`"${printable(word)}" is no scope; it takes all (for *), ${SCOPE_FORMS}`);
}

/** `*` becomes the names of files and folders; a folder may well be named like its agent, so of those all must be there. */
async function isExpanded(words: readonly string[], cwd: string): Promise<boolean> {
  const [first = ""] = words;
  const entry = first === "" ? null : await stat(resolve(cwd, first)).catch(() => null);
  if (entry === null) return false;
  if (!entry.isDirectory()) return true;
  const visible = (await readdir(cwd).catch(() => [])).filter((name) => !name.startsWith("."));
  return visible.length > 0 && visible.every((name) => words.includes(name));
}

/** The agent that the configuration names, for a command without any argument; null where there is none. */
export async function configuredAgent(
  target: Target | null,
  choice: Choice,
  surroundings: Surroundings,
): Promise<string | null> {
  const project = target?.project ?? (await configuredProject(choice, surroundings));
  return project?.config.agent.name ?? null;
}

/** The scope of an order. Throws SwitchProblem with the agents that are known where nobody says whom. */
export async function scopeOfOrder(
  typed: string | null,
  verb: string,
  target: Target,
  choice: Choice,
  surroundings: Surroundings,
): Promise<string> {
  const scope = typed ?? (await configuredAgent(target, choice, surroundings));
  if (scope !== null) return scope;
  throw new SwitchProblem(
    "refused",
    `whom? Nothing was done. ${await knownAgents(target)}: clawproof ${verb} SCOPE REASON`,
  );
}

async function knownAgents(target: Target): Promise<string> {
  if (target.kind === "foreign") return "Name an agent, or all";
  try {
    const { instances } = await readFleet(target, null);
    const agents = agentsOf(instances).map(({ name, instances: count }) => `${name} (${count})`);
    if (agents.length === 0) return "No agent has reported to this switch yet; name one, or all";
    return `Known agents: ${agents.join(", ")}; name one, or all`;
  } catch (error) {
    // A token without the role `read` may kill all the same.
    if (error instanceof SwitchProblem && error.kind === "refused") return "Name an agent, or all";
    throw error;
  }
}

/** The words after the scope; asked for on a terminal where there are none. Throws UsageError, Interrupted. */
export async function reasonOf(words: readonly string[], verb: string, surroundings: Surroundings): Promise<string> {
  const given = words.slice(1).join(" ").trim();
  if (given !== "") return given;
  if (canAsk(surroundings)) {
    const typed = (await ask("Reason (goes into the log and the alerts): ", surroundings)).trim();
    if (typed !== "") return typed;
  }
  throw new UsageError(`a reason is needed, and nothing was done: clawproof ${verb} SCOPE REASON`);
}

async function ask(question: string, { stdin, stderr, signal }: Surroundings): Promise<string> {
  stderr.write(question);
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    return await nextLine(lines, signal);
  } finally {
    lines.close();
  }
}
