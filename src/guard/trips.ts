import { randomUUID } from "node:crypto";
import type { SwitchClient } from "../switch/client/client.ts";
import type { View } from "../switch/protocol/view.ts";
import type { Breaker } from "./breaker/breaker.ts";
import type { BreakerState, Opening } from "./breaker/state.ts";

/** What opened a breaker that this instance opened by itself: the fleet's order and an operator's hand need no trip. */
const NOT_OWN: ReadonlySet<string> = new Set(["fleet", "operator"]);
const AGAIN_MS = 5_000;

/** The switch as far as a trip needs it. */
export type TripClient = Pick<SwitchClient, "trip" | "view">;

/**
 * What ties one breaker to the switch. Opening asks for an order on its scope, so that every replica follows; an order
 * that another replica asked for opens this one too; and the release of that order is the person's yes, upon which
 * writes are tried again.
 */
export class Trips {
  readonly #breaker: Breaker;
  readonly #scope: string;
  readonly #type: string | undefined;
  readonly #client: TripClient;
  readonly #monotonic: () => number;
  /** The newest order that holds, or held, the scope while the breaker is open. */
  #heldBy: number | null = null;
  /** Whether a trip is on its way. */
  #asking = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** The epoch of the last yes: orders up to it are over. */
  #approvedAt = -1;

  constructor(options: {
    breaker: Breaker;
    /** The agent, or the agent and an action type. */
    agent: string;
    type?: string | undefined;
    client: TripClient;
    monotonic: () => number;
  }) {
    const { breaker, agent, type, client, monotonic } = options;
    this.#breaker = breaker;
    this.#scope = type === undefined ? agent : `${agent}/${type}`;
    this.#type = type;
    this.#client = client;
    this.#monotonic = monotonic;
  }

  /** The breaker's state has changed. */
  changed(state: BreakerState): void {
    if (state.name === "open" && !NOT_OWN.has(state.opening.signal)) this.#ask(state.opening);
  }

  /** Asks again where the switch would not give the order: nobody can say yes to one that is not there. */
  sweep(monotonic: number): void {
    const { state } = this.#breaker;
    if (state.name !== "open" || this.#heldBy !== null || monotonic - this.#askedAt < AGAIN_MS) return;
    this.changed(state);
  }

  /** The switch has said something new. */
  heard(view: View): void {
    if (view === null) return;
    const order = view.orders.find(({ scope, cause }) => scope === this.#scope && cause === "breaker");
    if (order) {
      this.#heldBy = order.epoch;
      if (this.#breaker.state.name !== "open" && order.epoch > this.#approvedAt) {
        this.#breaker.open("fleet", { epoch: order.epoch }, this.#monotonic());
      }
      return;
    }
    // An order that was answered may not have been heard yet: only a later word says that it has ended.
    if (this.#heldBy === null || view.epoch <= this.#heldBy) return;
    this.#heldBy = null;
    this.#approvedAt = view.epoch;
    this.#breaker.approve();
  }

  #ask({ signal, figures }: Opening): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#askedAt = this.#monotonic();
    this.#client
      .trip({ signal: signal.replaceAll("-", " "), figures: { ...figures }, type: this.#type }, randomUUID())
      .then(
        ({ epoch }) => {
          this.#asking = false;
          this.#heldBy = Math.max(epoch, this.#heldBy ?? 0);
          this.heard(this.#client.view);
        },
        // The client has said why; the breaker holds writes of this instance all the same.
        () => (this.#asking = false),
      );
  }
}
