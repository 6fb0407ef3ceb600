import type { ExitCode } from "../audit/report.ts";
import { giveOrder } from "../operator/own-order.ts";
import { SwitchProblem } from "../operator/problem.ts";
import type { ForeignTarget, OwnTarget } from "../operator/target.ts";
import type { OrderAnswer } from "../switch/protocol/messages.ts";
import type { Surroundings } from "./surroundings.ts";
import { numberOf } from "./switch-flags.ts";
import { showObedience } from "./switch-obedience.ts";
import { commandFor, type OrderFlags, orderOn, type Prepared } from "./switch-order.ts";
import { exitOf, notDurable, orderJson, tell } from "./switch-outcome.ts";
import { localTime, modeWords, orderLine, scopeWords, typedScope } from "./switch-words.ts";

export interface ReleaseFlags extends OrderFlags {
  ifEpoch?: string;
}

/** `clawproof release [SCOPE] [REASON…]` (contract, 4.1). Throws UsageError, InvalidConfig, Interrupted. */
export async function release(
  words: readonly string[],
  flags: ReleaseFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const ifEpoch = numberOf("--if-epoch", flags.ifEpoch, 1);
  return orderOn("release", words, flags, surroundings, {
    own: (prepared) => releaseOurs(prepared, ifEpoch, surroundings),
    foreign: (prepared) => releaseForeign(prepared, ifEpoch, surroundings),
  });
}

async function releaseOurs(
  prepared: Prepared<OwnTarget>,
  ifEpoch: number | undefined,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { target, scope, reason } = prepared;
  const { clock, stderr, signal } = surroundings;
  const since = clock.monotonic();
  const json = { scope, reason, ...(ifEpoch === undefined ? {} : { ifEpoch }) };
  const answer = await giveOrder(target, { path: "/v1/release", json }, clock);
  stderr.write(notDurable(answer));
  const outcome = await showObedience({ prepared, answer, mode: "running", since }, surroundings);
  const exitCode = exitOf(outcome, signal);
  const next = { kill: commandFor("kill", prepared) };
  tell(
    prepared,
    surroundings,
    [...releaseLines(answer), `Stop again: ${next.kill}`],
    orderJson(prepared, answer, outcome, next, exitCode),
  );
  return exitCode;
}

function releaseLines({ scope, mode, epoch, by, at, ended = [], covering }: OrderAnswer): string[] {
  const did = `Done:       ${scopeWords(scope)} ${modeWords(mode)} (order ${epoch} by ${by}, ${localTime(at)})`;
  const over = ended.map((order) => `Ended:      ${orderLine(order)}`);
  const nothing = [`Ended:      nothing; no order on exactly ${scopeWords(scope)} was in force`];
  const still = covering.map(
    (order) => `Still held: ${orderLine(order)} (clawproof release ${typedScope(order.scope)} REASON ends it)`,
  );
  return [did, ...(over.length === 0 ? nothing : over), ...still];
}

async function releaseForeign(
  prepared: Prepared<ForeignTarget>,
  ifEpoch: number | undefined,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (ifEpoch !== undefined) {
    const { source } = prepared.target;
    throw new SwitchProblem(
      "refused",
      `--if-epoch needs clawproof's own switch: this one numbers no orders (${source})`,
    );
  }
  const { orderForeign } = await import("./switch-foreign.ts");
  const next = { kill: commandFor("kill", prepared) };
  const lines = (did: string): string[] => [`Done:       ${did}`, `Stop again: ${next.kill}`];
  return orderForeign(prepared, { next, lines }, surroundings);
}
