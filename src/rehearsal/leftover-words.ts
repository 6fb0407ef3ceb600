import type { Gathering } from "../evidence/gathering.ts";
import { type Acting, actingFile, readActing, writerLives } from "./acting-file.ts";

/** What is left of a run that was killed, in words. */

/** For every run that may not put back: says what is left, and touches nothing. */
export async function sayLeftovers({
  project,
  progress,
}: {
  project: Pick<Gathering["project"], "directory">;
  progress: Pick<Gathering["progress"], "say">;
}): Promise<void> {
  const left = await readActing(project.directory);
  if (left === null) return;
  if ("damaged" in left) progress.say(damagedWords(project.directory));
  else if (writerLives(left)) progress.say(`another clawproof (pid ${left.pid}) is acting`);
  else {
    const how = left.putBack === "" ? "" : `, or: ${left.putBack}`;
    progress.say(
      `an earlier run was ended while ${wordsFor(left)} (pid ${left.pid}, ${left.at}): an audit that may act puts it back${how}`,
    );
  }
}

export function damagedWords(directory: string): string {
  const file = actingFile(directory);
  return `${file} is damaged: something may be left pulled; see what it names, put that back and remove the file`;
}

export function wordsFor({ what, scope, fault }: Acting): string {
  const did = fault ? [`the ${fault.target} was ${fault.did}`] : [];
  if (what === "kill-switch") did.push(`the kill switch on ${scope} was pulled`);
  if (what === "breaker") did.push(`the circuit breaker was open (${scope})`);
  return did.join(" and ");
}
