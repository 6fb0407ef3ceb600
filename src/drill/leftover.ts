import type { Gathering } from "../evidence/gathering.ts";
import type { Tell } from "./telling.ts";
import { endUnderway, readUnderway, underwayFile } from "./underway.ts";
import { undoingOf } from "./undo.ts";

/** What a drill that was killed had the agent write; why it could not be taken back, or null. */
export async function undoLeftover(gathering: Gathering, tell: Tell): Promise<string | null> {
  const { directory, environment } = gathering.project;
  const file = underwayFile(directory);
  const left = await readUnderway(directory);
  if (left === null) return null;
  if ("damaged" in left) return `${file} is damaged: see what it names, take that back and remove the file`;
  if (left.environment !== environment) {
    const how = left.environment === null ? "without --env" : `with --env ${left.environment}`;
    return `${file}: an earlier drill ${how} was ended in the middle; hold one ${how} first, which takes back what it wrote`;
  }
  const { trace, faults } = left;
  const undoing = undoingOf(gathering, trace);
  if ("why" in undoing) return `${file}: ${undoing.why}`;
  const undone = await undoing.run(gathering.signal);
  if (undone.left.length > 0) {
    return `what an earlier drill wrote (trace ${trace}) could not be taken back: ${undone.left.join("; ")}; when it is, remove ${file}`;
  }
  // The newest first; what is left of one is no hindrance, as in the drill itself.
  for (const fault of faults.toReversed()) {
    const of = undoingOf(gathering, fault);
    const some = "why" in of ? [of.why] : (await of.run(gathering.signal)).left;
    if (some.length > 0) tell("undo", `of what the probes of a fault wrote (trace ${fault}), left: ${some.join("; ")}`);
  }
  tell("undo", `what an earlier drill wrote (${left.at}, ended in the middle) is taken back`);
  await endUnderway(directory);
  return null;
}
