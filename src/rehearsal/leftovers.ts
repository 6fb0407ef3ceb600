import type { Gathering } from "../evidence/gathering.ts";
import { type Acting, actingFile, endActing, readActing, writerLives } from "./acting-file.ts";
import { breakerFilling, closeBreaker } from "./breaker.ts";
import { damagedWords, wordsFor } from "./leftover-words.ts";
import { type Limits, LIMITS } from "./limits.ts";
import { LogUnread } from "../evidence/switch-log.ts";
import { type PutBack, putBackSwitch } from "./put-back.ts";
import { stopIfInterrupted } from "./prober.ts";
import { type Order, ourEntry, readEntries } from "./switch-order.ts";

/** What a run that was killed left pulled (contract, 2.4 step 0). */

/** This run may not act: somebody else is, or what was left cannot be understood or put back. */
export class CannotAct extends Error {
  override name = "CannotAct";
}

/** For runs that may act: puts back first what a run that is gone left. Throws CannotAct, or Interrupted. */
export async function recoverLeftovers(gathering: Gathering, limits: Limits = LIMITS): Promise<void> {
  const { project, progress, notBack, signal } = gathering;
  const left = await readActing(project.directory);
  if (left === null) return;
  if ("damaged" in left) throw new CannotAct(damagedWords(project.directory));
  if (writerLives(left)) throw new CannotAct(`another clawproof (pid ${left.pid}) is acting`);
  const { thawNoted } = await import("../drill/faults/undo.ts");
  thawNoted(left);
  const otherwise = await whyNotOurs(left, gathering);
  if (otherwise !== null) throw new CannotAct(otherwise);
  progress.say(`an earlier run was ended while ${wordsFor(left)} (pid ${left.pid}, ${left.at}): putting it back first`);
  const back = await putBack(left, gathering, limits);
  progress.clear();
  if (back.state === "not-back") {
    notBack.push({
      what: `${wordsFor(left)} when an earlier run was ended: ${back.why}`,
      command: back.command || left.putBack,
    });
    throw new CannotAct(`what an earlier run left could not be put back: ${back.why}`);
  }
  if (back.state === "left") progress.say(`LEFT AS IT IS: ${back.why}; it is not ours to release`);
  await endActing(project.directory);
  stopIfInterrupted(signal);
}

/** Why this configuration must not put it back: it may be about another switch. Null where it may. */
async function whyNotOurs(left: Acting, { project, signal }: Gathering): Promise<string | null> {
  const file = actingFile(project.directory);
  if (left.environment !== project.environment) {
    const how = left.environment === null ? "without --env" : `with --env ${left.environment}`;
    return `${file}: an earlier run ${how} was ended while ${wordsFor(left)}; run clawproof ${how} to put it back`;
  }
  if (left.config === project.sha256) return null;
  // A process needs no configuration to be thawed.
  if (left.what === "fault" && left.fault?.process) return null;
  const order = left.what === "kill-switch" ? orderOf(left, project) : null;
  if (order !== null && (await isLogged(order, left, signal))) return null;
  const how = left.putBack === "" ? "put that back" : `put it back with: ${left.putBack}`;
  return `${file}: an earlier run was ended while ${wordsFor(left)}, and ${project.shownFile} has changed since; ${how}, then remove the file`;
}

/** The mark in the log proves that the configured switch is still the one that was pulled. */
async function isLogged(order: Order, { mark }: Acting, signal: AbortSignal): Promise<boolean> {
  try {
    const entries = (await readEntries(order, signal)) ?? [];
    return entries.some(({ reason }) => reason?.includes(mark) === true) && ourEntry(order, entries, []) !== null;
  } catch (error) {
    if (error instanceof LogUnread) return false;
    throw error;
  }
}

function orderOf({ scope, mark, activator, trace }: Acting, project: Gathering["project"]): Order | null {
  const { killSwitch } = project.config;
  return killSwitch ? { project, killSwitch, scope, mark, activator, trace } : null;
}

async function putBack(left: Acting, gathering: Gathering, limits: Limits): Promise<PutBack> {
  const { project, clock } = gathering;
  const { undoNoted } = await import("../drill/faults/undo.ts");
  // A switch that is frozen takes no release.
  const why = await undoNoted(left, gathering, limits);
  if (why !== null) return { state: "not-back", why, command: left.putBack };
  if (left.what === "fault") return { state: "back", afterMs: null };
  if (left.what === "breaker") return closeBreaker(project, breakerFilling(left), { clock }, limits);
  const order = orderOf(left, project);
  if (!order) return { state: "not-back", why: "killSwitch is no longer configured", command: left.putBack };
  // A young order may not have come through yet, whatever the status says.
  const isYoung = clock.now() - Date.parse(left.at) < limits.stop;
  const stands = isYoung ? "if-logged" : "unlikely";
  return putBackSwitch({ order, before: left.logBefore, stands, instances: [], clock, limits });
}
