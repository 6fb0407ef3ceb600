import type { ExitCode } from "../audit/report.ts";
import { giveKill } from "../operator/own-order.ts";
import { SwitchProblem } from "../operator/problem.ts";
import type { ForeignTarget, OwnTarget } from "../operator/target.ts";
import type { Order } from "../switch/protocol/order.ts";
import type { Mode } from "../switch/protocol/mode.ts";
import type { Surroundings } from "./surroundings.ts";
import { secondsOf } from "./switch-flags.ts";
import { showObedience } from "./switch-obedience.ts";
import { commandFor, type OrderFlags, orderOn, type Prepared } from "./switch-order.ts";
import { exitOf, heldNow, notDurable, orderJson, tell } from "./switch-outcome.ts";
import { localTime, modeWords, orderLine, sameSwitch, scopeWords, typedScope } from "./switch-words.ts";

export interface KillFlags extends OrderFlags {
  mode: Exclude<Mode, "running">;
  ttl?: string;
}

/** `clawproof kill [SCOPE] [REASON…]` (contract, 4.1). Throws UsageError, InvalidConfig, Interrupted. */
export async function kill(words: readonly string[], flags: KillFlags, surroundings: Surroundings): Promise<ExitCode> {
  const ttlSeconds = secondsOf("--ttl", flags.ttl);
  const { mode } = flags;
  return orderOn("kill", words, flags, surroundings, {
    own: (prepared) => killOurs(prepared, { mode, ttlSeconds }, surroundings),
    foreign: (prepared) => killForeign(prepared, { mode, ttlSeconds }, surroundings),
  });
}

interface Wish {
  mode: Exclude<Mode, "running">;
  ttlSeconds: number | undefined;
}

async function killOurs(
  prepared: Prepared<OwnTarget>,
  { mode, ttlSeconds }: Wish,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { target, scope, reason } = prepared;
  const { clock, stderr, signal } = surroundings;
  const since = clock.monotonic();
  const json = { scope, mode, reason, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
  const answer = await giveKill(target, json, clock);
  stderr.write(notDurable(answer));
  const outcome = await showObedience({ prepared, answer, mode, since }, surroundings);
  const exitCode = exitOf(outcome, signal);
  const { mode: now, covering } = heldNow(answer, outcome.now);
  const { epoch, by, at } = answer;
  const does = `${scopeWords(scope)} ${modeWords(now)}`;
  const next = nextOf(prepared);
  const lines =
    outcome.undone === null
      ? threeLines(`${does} (order ${epoch} by ${by}, ${localTime(at)})`, next)
      : undoneLines(`${does}; order ${epoch} (by ${by}, ${localTime(at)}) no longer stands`, next);
  tell(
    prepared,
    surroundings,
    [...lines, ...stricterLines(covering)],
    orderJson(prepared, answer, outcome, next, exitCode),
  );
  return exitCode;
}

async function killForeign(
  prepared: Prepared<ForeignTarget>,
  { mode, ttlSeconds }: Wish,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (mode !== "stopped") {
    const { source } = prepared.target;
    throw new SwitchProblem("refused", `this switch knows no --mode ${mode}, only its one way to stop (${source})`);
  }
  const { orderForeign } = await import("./switch-foreign.ts");
  const next = nextOf(prepared);
  return orderForeign(prepared, { ttlSeconds, next, lines: (did) => threeLines(did, next) }, surroundings);
}

/** What a person does next. */
interface Next {
  undo: string;
  release: string;
  kill: string;
}

function nextOf(prepared: Prepared): Next {
  const { scope, flags } = prepared;
  const { config, env } = flags;
  return {
    undo: `clawproof rollback ${typedScope(scope)} --since 1h --dry-run${sameSwitch({ config, env })}`,
    release: commandFor("release", prepared),
    kill: commandFor("kill", prepared),
  };
}

function threeLines(did: string, { undo, release }: Next): string[] {
  return [`Done:      ${did}`, `Undo:      ${undo}`, `Act again: ${release}`];
}

/** Somebody undid the order: this agent acts, or may do more than was asked. */
function undoneLines(now: string, { undo, kill }: Next): string[] {
  return [`Now:        ${now}`, `Undo:       ${undo}`, `Stop again: ${kill}`];
}

/** Orders on wider scopes that hold it as well. */
function stricterLines(covering: readonly Order[]): string[] {
  return covering.map((order) => `Also in force: ${orderLine(order)}`);
}
