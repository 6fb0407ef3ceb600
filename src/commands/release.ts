import type { ExitCode } from "../audit/report.ts";
import { giveRelease } from "../operator/own-order.ts";
import { SwitchProblem } from "../operator/problem.ts";
import type { ForeignTarget, OwnTarget } from "../operator/target.ts";
import type { OrderAnswer } from "../switch/protocol/messages.ts";
import type { Order } from "../switch/protocol/order.ts";
import type { Surroundings } from "./surroundings.ts";
import { numberOf } from "./switch-flags.ts";
import { type Outcome, showObedience } from "./switch-obedience.ts";
import { commandFor, type OrderFlags, orderOn, type Prepared } from "./switch-order.ts";
import { exitOf, heldNow, notDurable, orderJson, tell } from "./switch-outcome.ts";
import { localTime, modeWords, narrowerLine, orderLine, scopeWords } from "./switch-words.ts";

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
  const answer = await giveRelease(target, json, clock);
  stderr.write(notDurable(answer));
  const outcome = await showObedience({ prepared, answer, mode: "running", since }, surroundings);
  const exitCode = exitOf(outcome, signal);
  const next = { kill: commandFor("kill", prepared) };
  tell(
    prepared,
    surroundings,
    [...releaseLines(prepared, answer, outcome), `Stop again: ${next.kill}`],
    orderJson(prepared, answer, outcome, next, exitCode),
  );
  return exitCode;
}

function releaseLines({ flags }: Prepared, answer: OrderAnswer, outcome: Outcome): string[] {
  const { scope, epoch, by, at, ended = [] } = answer;
  const { mode, covering, narrower } = heldNow(answer, outcome.now);
  const did = `Done:       ${scopeWords(scope)} ${modeWords(mode)} (order ${epoch} by ${by}, ${localTime(at)})`;
  const over = ended.map((order) => `Ended:      ${orderLine(order)}`);
  const nothing = [`Ended:      nothing; no order on exactly ${scopeWords(scope)} was in force`];
  const endsIt = (order: Order): string => `${commandFor("release", { scope: order.scope, flags })} ends it`;
  const still = covering.map((order) => `Still held: ${orderLine(order)} (${endsIt(order)})`);
  const parts = (narrower ?? []).map((order) => `${narrowerLine(order)} (${endsIt(order)})`);
  return [did, ...(over.length === 0 ? nothing : over), ...still, ...parts];
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
