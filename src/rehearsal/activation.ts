import { stoppingWrites } from "../config/own-switch.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { answerJson } from "../doors/reading.ts";
import type { OrderNumber } from "../evidence/facts.ts";
import { orderNumberIn } from "../evidence/own-answers.ts";
import { answerOf } from "./probe.ts";
import { callsOf, fillingOf, type Order } from "./switch-order.ts";

/** How the switch took the order; times are monotonic. `number`: on a switch of ours. `why`: it did not, or nobody knows. */
export type Activation =
  { sentAt: number; answeredAt: number; number: OrderNumber | null } | { sentAt: number; why: string };

/**
 * Sends the order (contract, 2.4 step 2). No interrupt cuts it off: an order that is under way could come after what puts
 * it back.
 */
export async function activate(order: Order): Promise<Activation> {
  const { killSwitch, writesOnly = false } = order;
  const whole = callsOf(killSwitch).activate;
  const call = writesOnly && "provider" in killSwitch && "url" in whole ? stoppingWrites(whole) : whole;
  const filling = fillingOf(order, "rehearsal, put back in a moment");
  const answer = await answerOf(call, contextOf(order.project, filling));
  if (answer instanceof CallFailed) return { sentAt: answer.sentAt, why: answer.why };
  const { sentAt, arrivedAt } = answer;
  const match = matches(answer, call.expect);
  if (!match.met) return { sentAt, why: match.why };
  return { sentAt, answeredAt: arrivedAt, number: "provider" in order.killSwitch ? numberIn(answer) : null };
}

function numberIn(answer: Answer): OrderNumber | null {
  const json = answerJson(answer);
  return "why" in json ? null : orderNumberIn(json.value);
}
