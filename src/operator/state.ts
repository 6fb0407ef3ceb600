import { CallFailed } from "../doors/door.ts";
import type { StateMessage } from "../switch/protocol/messages.ts";
import type { Mode } from "../switch/protocol/mode.ts";
import type { Order } from "../switch/protocol/order.ts";
import { covers, parseScope, targetOf } from "../switch/protocol/scope.ts";
import { askOwn, readAnswer, unanswered } from "./own.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

/** The state of a switch of ours, with what holds for one scope where that was asked. */
export type StateAnswer = StateMessage & Partial<{ scope: string; mode: Mode; stopped: boolean; covering: Order[] }>;

/** A state and the mark to ask for a newer one with. */
export interface Heard {
  state: StateAnswer;
  etag: string | null;
}

/** The state now; null where it is still the one of `etag`. Throws SwitchProblem. */
export async function readState(
  target: OwnTarget,
  scope: string | null,
  { etag = null, signal }: { etag?: string | null; signal?: AbortSignal } = {},
): Promise<Heard | null> {
  const path = `/v1/state${scope === null ? "" : `?scope=${encodeURIComponent(scope)}`}`;
  const headers: Record<string, string> = etag === null ? {} : { "if-none-match": etag };
  const answer = await askOwn(target, { path, headers, signal }).catch((error: unknown) => {
    if (error instanceof CallFailed) throw unanswered(target, error.why);
    throw error;
  });
  if (answer.status === 304) return null;
  const { body } = readAnswer<StateAnswer>(answer, "orders");
  return { state: body, etag: answer.headers["etag"] ?? null };
}

/** What holds for one scope, and on parts of it. */
export interface ScopeState {
  mode: Mode;
  /** The orders that hold the scope, its own and wider ones. */
  covering: readonly Order[];
  narrower: readonly Order[];
}

/** Throws SwitchProblem. */
export async function readScope(target: OwnTarget, scope: string): Promise<ScopeState> {
  const heard = await readState(target, scope);
  if (heard === null)
    throw new SwitchProblem("unanswered", "the switch said that nothing changed, and nothing was known");
  const { mode = "running", covering = [], orders } = heard.state;
  return { mode, covering, narrower: narrowerOrders(orders, scope) };
}

/** The orders on parts of a scope, which hold there whatever the scope may do. A drill is no part of real work. */
export function narrowerOrders(orders: readonly Order[], scope: string): Order[] {
  const whole = parseScope(scope);
  return orders.filter((order) => {
    const part = parseScope(order.scope);
    if (whole === null || part === null || order.scope === scope) return false;
    return part.drill === whole.drill && covers(whole, targetOf(part));
  });
}
