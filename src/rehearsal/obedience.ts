import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { answerJson } from "../doors/reading.ts";
import { describeCall } from "../doors/send.ts";
import type { KillSample } from "../evidence/facts.ts";
import { obedienceIn } from "../evidence/own-answers.ts";
import { answerOf } from "./probe.ts";
import { fillingOf, type Order } from "./switch-order.ts";

/** What a switch of ours says of the instances while the scope is pulled; null for any other. Throws nothing that is known. */
export async function readObedience(order: Order, signal: AbortSignal): Promise<KillSample["obedience"]> {
  if (!("provider" in order.killSwitch)) return null;
  const { fleet } = order.killSwitch;
  const context = contextOf(order.project, fillingOf(order, "who obeys"), { signal });
  const source = await describeCall(fleet, context);
  const answer = await answerOf(fleet, context);
  if (answer instanceof CallFailed) return { why: answer.why, source };
  const match = matches(answer, fleet.expect);
  if (!match.met) return { why: match.why, source };
  const json = answerJson(answer);
  if ("why" in json) return { why: json.why, source };
  const told = obedienceIn(json.value);
  return told ? { ...told, source } : { why: "its answer lists no instances", source };
}
