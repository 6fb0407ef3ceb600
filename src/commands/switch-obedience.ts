import { meantScope, agentsOf, readFleet } from "../operator/fleet.ts";
import { type Obedience, watchObedience } from "../operator/obedience.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { readScope, type ScopeState } from "../operator/state.ts";
import type { OwnTarget } from "../operator/target.ts";
import { printable } from "../report/printable.ts";
import type { FleetInstance, OrderAnswer } from "../switch/protocol/messages.ts";
import { isLooser, type Mode } from "../switch/protocol/mode.ts";
import { LiveLine, wantsLiveLine } from "./progress.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Prepared } from "./switch-order.ts";
import { localTime, orderLine, secondsWords } from "./switch-words.ts";

/** Whether an order is obeyed, shown while it happens. */
export interface Outcome {
  obedience: Obedience;
  /** What holds once the watching is over; null where the switch could not be asked, or nobody waited. */
  now: ScopeState | null;
  /** Null where nobody gave another order meanwhile that undid this one. */
  undone: string | null;
  /** Sentences about who has not obeyed, and why. */
  notes: string[];
}

/** An order that stands. */
export interface GivenOrder {
  prepared: Prepared<OwnTarget>;
  answer: OrderAnswer;
  /** What every instance is to obey: the mode of a kill, `running` for a release. */
  mode: Mode;
  /** When it was sent; monotonic. */
  since: number;
}

const MOST_NAMED = 20;

/** Watches an order being obeyed, says how many do as it happens, and who does not in the end. */
export async function showObedience(given: GivenOrder, surroundings: Surroundings): Promise<Outcome> {
  const { prepared, answer, since } = given;
  const { target, scope, waitMs } = prepared;
  const { stderr, clock, env, signal } = surroundings;
  const line = new LiveLine(stderr, clock, wantsLiveLine(stderr, env));
  try {
    const obedience = await watchObedience(target, {
      scope,
      epoch: answer.epoch,
      known: answer.instances.known,
      waitMs,
      since,
      clock,
      signal,
      seen: (seen) => line.show(countWords(seen, given.mode)),
    });
    const now = signal.aborted || obedience.why !== null ? null : await stateNow(prepared);
    const undone = undoneBy(given, now);
    const notes = await notesOn(prepared, obedience);
    line.clear();
    if (obedience.known > 0) line.say(`${countWords(obedience, given.mode)}${afterWords(obedience)}`);
    for (const note of notes) line.say(note);
    if (undone !== null) line.say(undone);
    return { obedience, now, undone, notes };
  } finally {
    line.clear();
  }
}

/** `12 of 12 instances stopped`. */
function countWords({ obeyed, known }: Obedience, mode: Mode): string {
  const doing = mode === "running" ? "have heard that they may act" : mode;
  return `${obeyed} of ${known} ${known === 1 ? "instance" : "instances"} ${doing}`;
}

function afterWords({ afterMs, obeyed }: Obedience): string {
  return afterMs === null || obeyed === 0 ? "" : ` after ${secondsWords(afterMs)}`;
}

async function notesOn({ target, scope }: Prepared<OwnTarget>, obedience: Obedience): Promise<string[]> {
  if (obedience.known === 0) return [await nobodyWords(target, scope)];
  const { missing, why } = obedience;
  const named = missing.slice(0, MOST_NAMED).map(missingWords);
  return [
    ...named,
    ...moreWords(missing.length, target),
    ...(why === null ? [] : [`who obeys could not be asked: ${printable(why)}`]),
  ];
}

/** How many are not named, and where all are; nothing where all were. */
function moreWords(count: number, { url }: OwnTarget): string[] {
  return count > MOST_NAMED ? [`and ${count - MOST_NAMED} more (all are in ${url}/v1/fleet)`] : [];
}

function missingWords({ instance, agent, version, state, running, seenAt }: FleetInstance): string {
  const who = `${printable(instance)} (${printable(agent)}${version === null ? "" : ` ${printable(version)}`})`;
  const heard = `last heard ${localTime(seenAt)}`;
  if (state === "silent")
    return `silent: ${who}, ${heard}; its lease is over, by which a guard stops writing by itself`;
  const still = Object.entries(running).map(([type, count]) => `${printable(type)} (${count})`);
  return `pending: ${who}, ${heard}${still.length === 0 ? "" : `, still running ${still.join(", ")}`}`;
}

/** Nothing ever reported there: a slip of the pen, most likely. */
async function nobodyWords(target: OwnTarget, scope: string): Promise<string> {
  const begin = `no instance ever reported as ${printable(scope)}`;
  try {
    const { instances } = await readFleet(target, null);
    if (instances.length === 0) return `${begin}: none has reported to this switch at all`;
    const meant = meantScope(scope, instances);
    if (meant !== undefined) return `${begin}: did you mean ${printable(meant)}?`;
    const names = agentsOf(instances).map(({ name }) => printable(name));
    return `${begin}; known are ${[...names.slice(0, MOST_NAMED), ...moreWords(names.length, target)].join(", ")}`;
  } catch (error) {
    if (error instanceof SwitchProblem) return begin;
    throw error;
  }
}

async function stateNow({ target, scope }: Prepared<OwnTarget>): Promise<ScopeState | null> {
  try {
    return await readScope(target, scope);
  } catch (error) {
    if (error instanceof SwitchProblem) return null;
    throw error;
  }
}

/** Somebody's later order may have undone this one while it was sent again, or watched. */
function undoneBy({ prepared: { scope }, answer, mode }: GivenOrder, now: ScopeState | null): string | null {
  const { mode: modeNow, covering } = now ?? answer;
  if (mode !== "running")
    return isLooser(modeNow, mode) ? `THE ORDER NO LONGER STANDS: the scope is ${modeNow} by now` : null;
  const again = covering.find((order) => order.scope === scope && order.epoch > answer.epoch);
  return again === undefined ? null : `pulled again meanwhile: ${orderLine(again)}`;
}
