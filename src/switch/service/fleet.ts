import type { Clock } from "../../values/clock.ts";
import type { FleetInstance, Obedience, ReportRequest } from "../protocol/messages.ts";
import { modeOf, type Standing } from "../protocol/order.ts";
import { covers, parseScope, type Scope } from "../protocol/scope.ts";
import { NotDurable, type Store } from "./store.ts";

/** After so long without a report an instance is no longer known. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1_000;
/** More would be somebody inventing names; no agent's may keep those of another out. */
const MOST_INSTANCES = 50_000;
const MOST_OF_AN_AGENT = 10_000;
const SAVED_EVERY_MS = 500;
/** So many take a few milliseconds, during which nothing else is done. */
const SAVED_AT_ONCE = 200;
const COUNTED_EVERY_MS = 1_000;

interface Seen {
  report: ReportRequest;
  /** Epoch milliseconds, for people and for the next start. */
  at: number;
  /** Monotonic milliseconds; of an earlier run's report as far as the wall clock tells. */
  heard: number;
  /** Whether it has reported to this run. */
  isOfThisRun: boolean;
}

/** The instances that report what they have applied. Kept in memory, and on the disk a few seconds later. */
export class Fleet {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #startedAt: number;
  readonly #seen = new Map<string, Seen>();
  /** The newest end on each scope. */
  readonly #ended: Map<string, number>;
  readonly #perAgent = new Map<string, number>();
  readonly #unsaved = new Set<string>();
  /** Forgotten, and not yet on the disk. */
  readonly #gone = new Map<string, ReportRequest>();
  readonly #timer: NodeJS.Timeout;
  #counted: { at: number; counts: Record<Obedience, number> } | null = null;

  constructor(store: Store, clock: Clock, leaseMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#startedAt = clock.monotonic();
    this.#ended = new Map(store.ends().map(({ scope, epoch }) => [scope, epoch]));
    const rows = store.database.prepare("SELECT seen FROM instances").all() as { seen: string }[];
    for (const row of rows) {
      const kept = readRow(row.seen);
      if (kept === null) continue;
      const heard = clock.monotonic() - Math.max(0, clock.now() - kept.at);
      this.#know(keyOf(kept.report), { ...kept, heard, isOfThisRun: false });
    }
    this.#timer = setInterval(() => {
      this.#forget();
      this.save();
    }, SAVED_EVERY_MS);
    this.#timer.unref();
  }

  /** What held a scope has ended by an order of that epoch: who has not heard so yet still holds back. */
  ended(scope: string, epoch: number): void {
    this.#ended.set(scope, epoch);
  }

  /** Notes a report; false where there are too many instances to know another one. */
  note(report: ReportRequest): boolean {
    const key = keyOf(report);
    if (!this.#seen.has(key) && !this.#hasRoomFor(report)) return false;
    this.#know(key, { report, at: this.#clock.now(), heard: this.#clock.monotonic(), isOfThisRun: true });
    this.#unsaved.add(key);
    this.#gone.delete(key);
    return true;
  }

  /** The instances that a scope covers, or all; what each may do, and whether it obeys. */
  instances(standing: Standing, scope: Scope | null = null): FleetInstance[] {
    this.#forget();
    const seen = [...this.#seen.values()].filter(({ report }) => scope === null || isUnder(scope, report));
    return seen.map((one) => instanceOf(one, standing, scope, this.#stateOf(one, standing, scope)));
  }

  /** How many instances are in each state; counted at most once a second, for anybody may ask. */
  counts(standing: Standing): Record<Obedience, number> {
    const now = this.#clock.monotonic();
    if (this.#counted === null || now - this.#counted.at >= COUNTED_EVERY_MS) {
      const counts: Record<Obedience, number> = { obeyed: 0, pending: 0, silent: 0 };
      for (const one of this.#seen.values()) counts[this.#stateOf(one, standing, null)]++;
      this.#counted = { at: now, counts };
    }
    return this.#counted.counts;
  }

  /** How many instances a scope covers, and how many of them obey. */
  obedience(standing: Standing, scope: Scope): { known: number; obeyed: number } {
    const instances = this.instances(standing, scope);
    return { known: instances.length, obeyed: instances.filter(({ state }) => state === "obeyed").length };
  }

  /** Writes down what was noted since; what cannot be written now is tried again later, for nothing rests on it. */
  save(most = SAVED_AT_ONCE): void {
    if (this.#unsaved.size === 0 && this.#gone.size === 0) return;
    const keys = [...this.#unsaved].slice(0, most);
    try {
      this.#store.transaction(() => {
        const forget = this.#store.database.prepare("DELETE FROM instances WHERE agent = ? AND instance = ?");
        for (const { agent, instance } of this.#gone.values()) forget.run(agent, instance);
        const put = this.#store.database.prepare(
          "INSERT OR REPLACE INTO instances (agent, instance, seen) VALUES (?, ?, ?)",
        );
        for (const key of keys) {
          const seen = this.#seen.get(key);
          if (seen)
            put.run(seen.report.agent, seen.report.instance, JSON.stringify({ report: seen.report, at: seen.at }));
        }
      });
      for (const key of keys) this.#unsaved.delete(key);
      this.#gone.clear();
    } catch (error) {
      if (!(error instanceof NotDurable)) throw error;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.save(Number.POSITIVE_INFINITY);
  }

  #stateOf({ report, heard, isOfThisRun }: Seen, standing: Standing, scope: Scope | null): Obedience {
    if (this.#isSilent(heard, isOfThisRun)) return "silent";
    if (!isOfThisRun || report.series !== standing.series) return "pending";
    const orders = standing.orders.filter((order) => concerns(order.scope, report, scope));
    const ends = [...this.#ended].filter(([ended]) => concerns(ended, report, scope)).map(([, epoch]) => epoch);
    const newest = Math.max(0, ...orders.map(({ epoch }) => epoch), ...ends);
    const busy = orders.length > 0 && Object.values(report.running ?? {}).some((count) => count > 0);
    return report.epoch >= newest && !busy ? "obeyed" : "pending";
  }

  /**
   * Whether its lease is over. One of an earlier run may have heard that run until its end, up to a lease after its last
   * report, and acts on it for another lease; but none for longer than a lease after this run began.
   */
  #isSilent(heard: number, isOfThisRun: boolean): boolean {
    const now = this.#clock.monotonic();
    if (isOfThisRun) return now - heard > this.#leaseMs;
    return now - heard > 2 * this.#leaseMs || now - this.#startedAt > this.#leaseMs;
  }

  /** An agent that is full makes room by forgetting its own longest silent instance. */
  #hasRoomFor({ agent }: ReportRequest): boolean {
    if (this.#seen.size >= MOST_INSTANCES) this.#forget();
    if ((this.#perAgent.get(agent) ?? 0) < MOST_OF_AN_AGENT) return this.#seen.size < MOST_INSTANCES;
    const own = [...this.#seen].filter(([, { report }]) => report.agent === agent);
    const [key, oldest] = own.reduce((a, b) => (b[1].heard < a[1].heard ? b : a));
    if (this.#clock.monotonic() - oldest.heard <= this.#leaseMs) return false;
    this.#drop(key, oldest.report);
    return true;
  }

  #know(key: string, seen: Seen): void {
    const { agent } = seen.report;
    if (!this.#seen.has(key)) this.#perAgent.set(agent, (this.#perAgent.get(agent) ?? 0) + 1);
    this.#seen.set(key, seen);
  }

  #drop(key: string, report: ReportRequest): void {
    this.#seen.delete(key);
    this.#perAgent.set(report.agent, (this.#perAgent.get(report.agent) ?? 1) - 1);
    this.#unsaved.delete(key);
    this.#gone.set(key, report);
  }

  /** In memory alone: thousands may be over when somebody pulls the switch, and must not hold the order up. */
  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [key, { heard, report }] of this.#seen) {
      if (now - heard <= FORGOTTEN_MS) continue;
      this.#drop(key, report);
    }
  }
}

/** Null for a damaged one, which must not keep the switch from starting: the instance reports again. */
function readRow(text: string): Pick<Seen, "report" | "at"> | null {
  try {
    return JSON.parse(text) as Pick<Seen, "report" | "at">;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function keyOf({ agent, instance }: ReportRequest): string {
  return `${agent}\n${instance}`;
}

/** Everything that an instance may be asked to do under the scope: its agent, its version, whatever type the scope names. */
function targetOf({ agent, version }: ReportRequest, scope: Scope | null) {
  return { agent, version, type: scope?.type, drill: scope?.drill ?? false };
}

/** Whether the instance must have applied an order on that scope to obey: one for a single type too, where no type is asked about. */
function concerns(text: string, report: ReportRequest, scope: Scope | null): boolean {
  const ordered = parseScope(text);
  const target = targetOf(report, scope);
  return ordered !== null && covers(ordered, { ...target, type: target.type ?? ordered.type });
}

function isUnder(scope: Scope, report: ReportRequest): boolean {
  return covers(scope, targetOf(report, scope));
}

function instanceOf({ report, at }: Seen, standing: Standing, scope: Scope | null, state: Obedience): FleetInstance {
  return {
    instance: report.instance,
    agent: report.agent,
    version: report.version ?? null,
    epoch: report.epoch,
    mode: modeOf(standing.orders, targetOf(report, scope)),
    state,
    running: report.running ?? {},
    counts: report.counts ?? {},
    seenAt: new Date(at).toISOString(),
  };
}
