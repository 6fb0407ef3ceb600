import type { FleetInstance } from "../switch/protocol/messages.ts";
import type { Obedience, OrderNumber } from "./facts.ts";

/** What only a switch of ours tells, read from its answers with the caution that any answer deserves. */

/** Series and epoch in a state or in the answer to an order; null where they do not stand there. */
export function orderNumberIn(answer: unknown): OrderNumber | null {
  if (!isObject(answer)) return null;
  const { series, epoch } = answer;
  return typeof series === "string" && Number.isSafeInteger(epoch) ? { series, epoch: Number(epoch) } : null;
}

/** Who obeys, in the answer of `GET /v1/fleet`; null where it is none. */
export function obedienceIn(answer: unknown): Omit<Obedience, "source"> | null {
  if (!isObject(answer) || !Array.isArray(answer["instances"])) return null;
  const instances = answer["instances"].filter(isInstance);
  if (instances.length !== answer["instances"].length) return null;
  const named = (wanted: FleetInstance["state"]): string[] =>
    instances.flatMap(({ instance, state }) => (state === wanted ? [instance] : []));
  return {
    known: instances.length,
    obeyed: named("obeyed").length,
    pending: named("pending"),
    silent: named("silent"),
  };
}

function isInstance(value: unknown): value is Pick<FleetInstance, "instance" | "state"> {
  if (!isObject(value) || typeof value["instance"] !== "string") return false;
  return ["obeyed", "pending", "silent"].includes(String(value["state"]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
