import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { answerOf } from "./probe.ts";
import { callsOf, fillingOf, type Order } from "./switch-order.ts";

/** How the switch took the order; times are monotonic. `why`: it did not, or nobody knows. */
export type Activation = { sentAt: number; answeredAt: number } | { sentAt: number; why: string };

/**
 * Sends the order (contract, 2.4 step 2). No interrupt cuts it off: an order that is under way could come after what puts
 * it back.
 */
export async function activate(order: Order): Promise<Activation> {
  const call = callsOf(order.killSwitch).activate;
  const filling = fillingOf(order, "rehearsal, put back in a moment");
  const answer = await answerOf(call, contextOf(order.project, filling));
  if (answer instanceof CallFailed) return { sentAt: answer.sentAt, why: answer.why };
  const { sentAt, arrivedAt } = answer;
  const match = matches(answer, call.expect);
  return match.met ? { sentAt, answeredAt: arrivedAt } : { sentAt, why: match.why };
}
