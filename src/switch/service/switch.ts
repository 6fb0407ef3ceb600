import { randomBytes } from "node:crypto";
import type { Clock } from "../../values/clock.ts";
import type {
  KillRequest,
  OrderAnswer,
  ReleaseRequest,
  ReportRequest,
  StateMessage,
  TripRequest,
} from "../protocol/messages.ts";
import {
  loosens,
  modeOf,
  type Order,
  ordersOver,
  type Standing,
  withOrder,
  withoutOrder,
  withoutScope,
} from "../protocol/order.ts";
import { targetOf } from "../protocol/scope.ts";
import { type Caller, hasRole, mustHave, Refused } from "./caller.ts";
import { type NewEntry, SERVICE, type Undated } from "./entry.ts";
import { Expiries } from "./expiries.ts";
import { Fleet } from "./fleet.ts";
import { newsOf, type OrderNews } from "./order-news.ts";
import { type Loss, lossOfBackup, LostOrders } from "./lost-orders.ts";
import { answerFor } from "./order-answer.ts";
import { Recorder } from "./recorder.ts";
import { endOf, reasonOf, scopeOf, tripScope } from "./rules.ts";
import { type Beside, NotDurable, type Store } from "./store.ts";

/** More orders than anybody gives before the first agent has reported to a new start. */
const UNSAVED_LEAP = 1_000;

export interface SwitchOptions {
  leaseMs: number;
  clock: Clock;
  /** What people are to be told of an order: called in the order's transaction. Unsaved: there is none. */
  announce?: (news: OrderNews, unsaved: boolean) => void;
}

/** What an order is asked with beside its request. */
export interface Asking {
  caller: Caller;
  /** Written in the order's transaction, with the answer that it gets. */
  beside?: (answer: OrderAnswer) => Beside;
}

/**
 * The switch: who may order what, and what is in force. Everything here is synchronous, one thing after the other:
 * an order is checked, on the disk, in force and pushed before the next is looked at.
 */
export class Switch {
  readonly store: Store;
  readonly fleet: Fleet;
  /** Names this run of the service. */
  readonly boot = randomBytes(9).toString("base64url");
  readonly leaseMs: number;
  readonly #clock: Clock;
  readonly #announce: NonNullable<SwitchOptions["announce"]>;
  readonly #listeners: (() => void)[] = [];
  readonly #expiries: Expiries;
  readonly #startedAt: { now: number; monotonic: number };
  readonly #recorder: Recorder;
  readonly #lost = new LostOrders();
  #standing: Standing;

  constructor(store: Store, { leaseMs, clock, announce = () => undefined }: SwitchOptions) {
    this.store = store;
    this.leaseMs = leaseMs;
    this.#clock = clock;
    this.#announce = announce;
    this.#recorder = new Recorder(store);
    this.#standing = store.standing();
    this.#startedAt = { now: clock.now(), monotonic: clock.monotonic() };
    this.fleet = new Fleet(store, clock, leaseMs);
    this.#expiries = new Expiries(clock, (order) => this.#expire(order));
    for (const order of this.#standing.orders) this.#expiries.watchAgain(order);
    const backupOf = store.meta("backup-of");
    if (backupOf !== undefined) {
      const unmark: Beside = (database) => database.prepare("DELETE FROM meta WHERE key = 'backup-of'").run();
      this.#stopAll(lossOfBackup(backupOf, this.#standing.epoch), unmark);
    }
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Whether everything that is in force would survive a restart. */
  get durable(): boolean {
    return this.#recorder.durable;
  }

  /** The state as it is sent now. `sentAt` never goes back, whatever the wall clock does. */
  state(): StateMessage {
    return { ...this.#standing, leaseSeconds: this.leaseMs / 1_000, sentAt: this.sentAt(), boot: this.boot };
  }

  sentAt(): number {
    return Math.round(this.#startedAt.now + this.#clock.monotonic() - this.#startedAt.monotonic);
  }

  /** Calls back when another order is in force, before the one who gave it has an answer. */
  onOrder(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Puts a person's order on a scope; `durable: false` in the answer where it could not be written down. Throws Refused;
   * one that loosens is as good as a release, and throws NotDurable, with nothing changed.
   */
  kill(request: KillRequest, asking: Asking): OrderAnswer {
    const { mode = "stopped", ttlSeconds } = request;
    const scope = scopeOf(request.scope);
    mustHave(asking.caller, "kill", "killing", scope.text);
    const reason = reasonOf(request.reason);
    const order = this.#orderOf({ scope: scope.text, mode, cause: "person", by: asking.caller.name, reason });
    const expiresAt = endOf(scope, order.at, ttlSeconds);
    if (expiresAt !== undefined) order.expiresAt = expiresAt;
    const orders = this.#expiries.byWallClock(this.#standing.orders);
    const isLoosening = loosens({ ...this.#standing, orders }, order);
    if (isLoosening && !hasRole(asking.caller, "release")) {
      throw new Refused(
        403,
        `${request.scope} is held more strictly than that: loosening it needs the role release, which ${asking.caller.name} does not have`,
        scope.text,
      );
    }
    return this.#put(order, "kill", asking, ttlSeconds === undefined ? {} : { ttlSeconds }, isLoosening);
  }

  /** An agent's breaker has opened: its own scope, or one type's, becomes read-only. One that stands already is answered as it is. */
  trip(request: TripRequest, asking: Asking): OrderAnswer {
    const { caller } = asking;
    if (!hasRole(caller, "agent") || caller.agent === null) {
      throw new Refused(403, `a trip needs the role agent, which ${caller.name} does not have`);
    }
    const { instance, signal, figures, type } = request;
    const { orders } = this.#standing;
    const on = tripScope(caller.agent, type, orders);
    const standing = orders.find(({ scope, cause }) => scope === on.text && cause === "breaker");
    if (standing) return this.#counted(answerFor(this.#standing, on, standing, this.durable));
    const reason = `breaker of ${instance} opened: ${signal}`;
    const order = this.#orderOf({ scope: on.text, mode: "read-only", cause: "breaker", by: caller.name, reason });
    return this.#put(order, "trip", asking, { instance, signal, figures });
  }

  /** Ends every order on exactly this scope. Throws Refused (409 where one is newer than `ifEpoch`) and NotDurable, with nothing changed. */
  release({ scope: text, reason: why, ifEpoch, evidence }: ReleaseRequest, asking: Asking): OrderAnswer {
    const { caller } = asking;
    const scope = scopeOf(text);
    mustHave(caller, "release", "releasing", scope.text);
    const reason = reasonOf(why);
    const { standing, ended } = withoutScope(this.#standing, scope.text, this.#standing.epoch + 1);
    const newest = ended.at(-1);
    if (ifEpoch !== undefined && newest && newest.epoch > ifEpoch) {
      throw new Refused(
        409,
        `order ${newest.epoch} by ${newest.by} (${newest.reason}) is newer than ${ifEpoch}: read it, then release with ifEpoch ${newest.epoch}`,
      );
    }
    const at = this.#now();
    const { epoch } = standing;
    const entry: NewEntry = {
      kind: "release",
      at,
      by: caller.name,
      from: caller.from,
      scope: scope.text,
      mode: modeOf(standing.orders, targetOf(scope)),
      reason,
      epoch,
      ended: ended.map(({ epoch, by, mode, cause }) => ({ epoch, by, mode, cause })),
      ...(evidence === undefined ? {} : { evidence }),
    };
    const answer: OrderAnswer = {
      ...answerFor(standing, scope, { epoch, by: caller.name, at, cause: "person" }),
      ended,
    };
    this.#recorder.write({ entry, effect: { ended }, beside: this.#besideOf(entry, answer, asking) });
    this.fleet.ended(scope.text, epoch);
    this.#take(standing);
    for (const order of ended) this.#expiries.forget(order);
    return this.#counted(answer);
  }

  /** Notes what an instance has applied. One that knows a later order than we do has heard it from what a restored backup lost. */
  report(report: ReportRequest, caller: Caller): void {
    if (!hasRole(caller, "agent"))
      throw new Refused(403, `a report needs the role agent, which ${caller.name} does not have`);
    if (report.agent !== caller.agent) {
      throw new Refused(
        403,
        `the token of ${caller.name} is bound to ${caller.agent ?? "no agent"}, not ${report.agent}`,
      );
    }
    const { series, epoch } = this.#standing;
    if (report.series !== series) {
      throw new Refused(409, `series ${report.series} is not of this switch, whose series is ${series}`);
    }
    const loss = this.#lost.in(report, epoch, caller);
    const isNoted = this.fleet.note(report);
    if (loss) this.#stopAll(loss);
    if (!isNoted) throw new Refused(429, "too many instances: this one is not known");
  }

  /** Writes down what is no order. Throws NotDurable. */
  note(entry: Undated, beside?: Beside): void {
    this.#recorder.write({ entry: { ...entry, at: this.#now() }, beside });
  }

  /** An answer as it was given, with what its scope may do today. */
  again(answer: OrderAnswer): OrderAnswer {
    const scope = scopeOf(answer.scope);
    const { mode, covering } = answerFor(this.#standing, scope, answer);
    return this.#counted({ ...answer, mode, covering, replayed: true });
  }

  /** What covers a scope, as it asks for itself. */
  covering(text: string): { scope: string; mode: OrderAnswer["mode"]; stopped: boolean; covering: Order[] } {
    const target = targetOf(scopeOf(text));
    const mode = modeOf(this.#standing.orders, target);
    return { scope: text, mode, stopped: mode !== "running", covering: ordersOver(this.#standing.orders, target) };
  }

  close(): void {
    this.#expiries.close();
    this.fleet.close();
    this.#recorder.close();
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  #orderOf(order: Omit<Order, "epoch" | "at">): Order {
    return { epoch: this.#standing.epoch + 1, ...order, at: this.#now() };
  }

  /** Puts an order in force: on the disk first or, where that fails, all the same unless it loosens. */
  #put(
    order: Order,
    kind: "kill" | "trip",
    asking: Partial<Asking>,
    more: Record<string, unknown>,
    isLoosening = false,
  ): OrderAnswer {
    const { entry, standing, answer } = this.#prepared(order, kind, asking, more);
    try {
      this.#recorder.write({ entry, effect: { put: order }, beside: this.#besideOf(entry, answer, asking) });
    } catch (error) {
      if (!(error instanceof NotDurable) || isLoosening) throw error;
      return this.#putUnsaved(order, kind, asking, more);
    }
    this.#inForce(order, standing);
    return this.#counted(answer);
  }

  /** Its epoch leaps: what the next start orders stays below it, should it be lost, and cannot pass for newer. */
  #putUnsaved(
    given: Order,
    kind: "kill" | "trip",
    asking: Partial<Asking>,
    more: Record<string, unknown>,
  ): OrderAnswer {
    const order = { ...given, epoch: given.epoch + (this.#recorder.durable ? UNSAVED_LEAP : 0) };
    const { entry, standing, answer } = this.#prepared(order, kind, asking, { ...more, late: true });
    this.#recorder.keepTrying({ entry, effect: { put: order }, beside: asking.beside?.(answer) });
    this.#inForce(order, standing);
    // Its news goes out now, not when it can be written.
    this.#announce(newsOf(entry, standing), true);
    return { ...this.#counted(answer), durable: false };
  }

  #prepared(order: Order, kind: "kill" | "trip", asking: Partial<Asking>, more: Record<string, unknown>) {
    const { epoch, scope, mode, cause, by, reason, at, expiresAt } = order;
    const from = asking.caller?.from ?? null;
    const entry: NewEntry = { kind, at, by, from, scope, mode, cause, reason, epoch, expiresAt, ...more };
    const standing = withOrder(this.#standing, order);
    return { entry, standing, answer: answerFor(standing, scopeOf(scope), order) };
  }

  #inForce(order: Order, standing: Standing): void {
    const { scope, cause } = order;
    const replaced = this.#standing.orders.find((one) => one.scope === scope && one.cause === cause);
    if (replaced) this.#expiries.forget(replaced);
    this.#expiries.watch(order);
    this.#take(standing);
  }

  #besideOf(entry: NewEntry, answer: OrderAnswer, asking: Partial<Asking>): Beside {
    const note = asking.beside?.(answer);
    const { series } = this.#standing;
    return (database) => {
      note?.(database);
      this.#announce(newsOf(entry, { series }), false);
    };
  }

  #counted(answer: OrderAnswer): OrderAnswer {
    return { ...answer, instances: this.fleet.obedience(this.#standing, scopeOf(answer.scope)) };
  }

  #take(standing: Standing): void {
    this.#standing = standing;
    for (const listener of this.#listeners) listener();
  }

  #expire(order: Order): boolean {
    const standing = withoutOrder(this.#standing, order, this.#standing.epoch + 1);
    const { scope, epoch: ended, cause } = order;
    const entry: NewEntry = {
      kind: "expired",
      at: this.#now(),
      by: SERVICE,
      from: null,
      scope,
      reason: "its time to live was over",
      cause,
      epoch: standing.epoch,
      ended: [{ epoch: ended, by: order.by, mode: order.mode, cause }],
    };
    try {
      this.#recorder.write({ entry, effect: { ended: [order] } });
    } catch (error) {
      if (error instanceof NotDurable) return false;
      throw error;
    }
    this.fleet.ended(scope, standing.epoch);
    this.#take(standing);
    return true;
  }

  #stopAll({ why, epoch, more }: Loss, beside?: Beside): void {
    const reason = `${why}. Everything is stopped until a person releases it`;
    const order = this.#orderOf({ scope: "*", mode: "stopped", cause: "person", by: SERVICE, reason });
    const given = beside === undefined ? {} : { beside: () => beside };
    this.#put({ ...order, epoch }, "kill", given, { restored: true, ...more });
  }
}
