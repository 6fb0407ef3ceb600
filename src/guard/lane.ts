import { type Order, ordersOver } from "../switch/protocol/order.ts";
import { strictest, type Mode } from "../switch/protocol/mode.ts";
import type { Target } from "../switch/protocol/scope.ts";
import type { View } from "../switch/protocol/view.ts";
import type { Breaker } from "./breaker/breaker.ts";
import type { CallView, WhenLost } from "./decide.ts";

/** The breakers of one kind of call. */
export interface LaneBreakers {
  /** Counts its calls. */
  own: Breaker;
  /** Counts them too, where the action asked for one of its own. */
  type: Breaker | null;
  /** Hold its writes without counting them: the real ones, for calls of a drill. */
  beside: readonly Breaker[];
}

/**
 * What is known about one kind of call, ready to be read: an action type (null: all of them), real or of a drill. It is
 * worked out when the switch says something new, so that a call looks at a few fields and at no order.
 */
export class Lane implements CallView {
  readonly target: Target;
  readonly whenLost: WhenLost;
  readonly breaker: Breaker;
  readonly typeBreaker: Breaker | null;
  readonly #beside: readonly Breaker[];
  /** Whether its actions write, where a question does not say so itself. */
  readonly isWrite: boolean;
  mode: Mode = "running";
  byBreaker = false;
  heard: boolean;
  /** The orders in force that cover it, oldest first. */
  orders: readonly Order[] = [];

  constructor(target: Target, isWrite: boolean, whenLost: WhenLost, breakers: LaneBreakers, heard: boolean) {
    this.target = target;
    this.isWrite = isWrite;
    this.whenLost = whenLost;
    this.breaker = breakers.own;
    this.typeBreaker = breakers.type;
    this.#beside = breakers.beside;
    this.heard = heard;
  }

  get drill(): boolean {
    return this.target.drill === true;
  }

  /** Takes what the switch holds now. */
  take(view: View): void {
    if (view === null) return;
    this.heard = true;
    this.orders = ordersOver(view.orders, this.target);
    this.mode = strictest(this.orders.map(({ mode }) => mode));
    this.byBreaker = this.orders.length > 0 && this.orders.every(({ cause }) => cause === "breaker");
  }

  /** Whether a breaker holds writes. A drill's write never takes one of the few that a real half-open breaker lets through. */
  holdsWrites(monotonic: number): boolean {
    if (this.breaker.holdsWrites(monotonic) || this.typeBreaker?.holdsWrites(monotonic) === true) return true;
    return this.#beside.length > 0 && this.#beside.some((breaker) => breaker.state.name !== "closed");
  }

  /** Whether a write with these tickets, which its breakers gave it, may not run after all: one of them may have opened since. */
  holdsBegun(ticket: number, typeTicket: number, monotonic: number): boolean {
    if (this.breaker.holdsBegun(ticket, monotonic)) return true;
    if (this.typeBreaker?.holdsBegun(typeTicket, monotonic) === true) return true;
    return this.#beside.length > 0 && this.#beside.some((breaker) => breaker.state.name !== "closed");
  }
}
