import type { OrderAnswer } from "../../src/switch/protocol/messages.ts";
import type { Order } from "../../src/switch/protocol/order.ts";
import type { View } from "../../src/switch/protocol/view.ts";
import { type GuardClient, guardOn, type Told } from "../../src/guard/guard.ts";
import type { GuardOptions, Notice } from "../../src/guard/options.ts";
import { afterThisTest } from "../support/ending.ts";

export const AGENT = "support";

/** A clock that moves when it is told to. */
export class HandClock {
  wallNow = 1_790_000_000_000;
  monotonicNow = 1_000;

  now = (): number => this.wallNow;
  monotonic = (): number => this.monotonicNow;

  pass(ms: number): void {
    this.wallNow += ms;
    this.monotonicNow += ms;
  }
}

type Asked = Parameters<GuardClient["trip"]>[0];

/** A switch that says what a test lets it say: the guard's own part, without a network. */
export class HandClient implements GuardClient {
  readonly lease = { monotonicUntil: Number.NEGATIVE_INFINITY, wallUntil: Number.NEGATIVE_INFINITY };
  readonly trips: Asked[] = [];
  told: Told | null = null;
  view: View = null;
  reportsAsked = 0;
  /** Whether trips are answered. */
  answers = true;
  #listener: () => void = () => undefined;
  #epoch = 0;
  readonly #clock: HandClock;
  readonly #leaseMs: number;

  constructor(clock: HandClock, leaseMs = 15_000) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  reportSoon(): void {
    this.reportsAsked++;
  }

  start(): void {}

  async close(): Promise<void> {}

  async trip(asked: Asked): Promise<OrderAnswer> {
    this.trips.push(asked);
    if (!this.answers) return new Promise(() => undefined);
    const scope = asked.type === undefined ? AGENT : `${AGENT}/${asked.type}`;
    const order = this.order({ scope, mode: "read-only", cause: "breaker", by: "pod-1", reason: asked.signal });
    const { epoch, at } = order;
    const instances = { known: 1, obeyed: 0 };
    const answer = { series: "s1", epoch, scope, mode: "read-only" as const, by: "pod-1", at, durable: true };
    return { ...answer, cause: "breaker", instances, covering: [] };
  }

  /** Puts an order in force, and says so. */
  order(given: Partial<Order>): Order {
    this.#epoch++;
    const order: Order = {
      epoch: this.#epoch,
      scope: AGENT,
      mode: "stopped",
      cause: "person",
      by: "kim",
      reason: "odd refunds",
      at: new Date(this.#clock.now()).toISOString(),
      ...given,
    };
    const others = (this.view?.orders ?? []).filter(
      ({ scope, cause }) => scope !== order.scope || cause !== order.cause,
    );
    this.#say([...others, order]);
    return order;
  }

  release(scope = AGENT): void {
    this.#epoch++;
    this.#say((this.view?.orders ?? []).filter((order) => order.scope !== scope));
  }

  /** Says that nothing has changed: the lease begins anew. */
  beat(): void {
    this.lease.monotonicUntil = this.#clock.monotonic() + this.#leaseMs;
    this.lease.wallUntil = this.#clock.now() + this.#leaseMs;
    if (this.view === null) this.#say([]);
  }

  #say(orders: Order[]): void {
    this.view = { series: "s1", epoch: this.#epoch, orders };
    this.#listener();
    this.beat();
  }
}

/** A guard on a clock and a switch in the hands of a test. */
export function handGuard(options: Partial<GuardOptions> = {}) {
  const clock = new HandClock();
  const client = new HandClient(clock);
  const notices: Notice[] = [];
  const guard = guardOn(
    {
      clock,
      connect: ({ killSwitch }, told) => {
        client.told = told;
        return killSwitch === null ? null : client;
      },
    },
    {
      agent: AGENT,
      version: "2.4.1",
      killSwitch: { url: "http://127.0.0.1:1", token: "none" },
      onNotice: (notice) => notices.push(notice),
      ...options,
    },
  );
  afterThisTest(() => guard.close());
  return { guard, clock, client, notices };
}

/** An action that ends when the test says so. */
export function heldAction() {
  const calls: { signal: AbortSignal; end: (error?: Error) => void }[] = [];
  const run = (_input: unknown, { signal }: { signal: AbortSignal }): Promise<string> =>
    new Promise((resolve, reject) => {
      calls.push({ signal, end: (error) => (error === undefined ? resolve("done") : reject(error)) });
    });
  return { calls, run };
}
