import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { ReportRequest, StateMessage } from "../../src/switch/protocol/messages.ts";
import { isLooser, strictest, type Mode } from "../../src/switch/protocol/mode.ts";
import { modeOf, type Order } from "../../src/switch/protocol/order.ts";
import type { Target } from "../../src/switch/protocol/scope.ts";
import { hear, modeIn, type View } from "../../src/switch/protocol/view.ts";
import { backUpDataFile } from "../../src/switch/service/backup.ts";
import { Refused } from "../../src/switch/service/caller.ts";
import type { Entry } from "../../src/switch/service/entry.ts";
import { NotDurable } from "../../src/switch/service/store.ts";
import {
  BOTH,
  callerOf,
  copyDataFile,
  type Core,
  KILLER,
  openCore,
  RELEASER,
  type TestTime,
  wholeLog,
} from "./core.ts";

/**
 * A switch, those who order, and its clients, beside a model that says what must be in force. Every step checks that
 * the switch did what the model says, and that nobody could weaken anything without `release`.
 */

export const SCOPES = ["*", "support", "support@2", "support/refund", "drill/*", "drill/support"] as const;
export const AGENTS = ["support", "support", "sales"] as const;
const VERSIONS = ["1", "2", "1"] as const;
const ASKING = { killer: KILLER, releaser: RELEASER, both: BOTH } as const;

export type Who = keyof typeof ASKING;
type Result = "done" | "not durable" | number;

/** Everything that can be asked for: agents, versions and types, in a drill and not. */
const TARGETS: Target[] = [...AGENTS, null].flatMap((agent, index) =>
  [undefined, "refund"].flatMap((type) =>
    [false, true].map((drill) => ({ agent, version: VERSIONS[index], type, drill })),
  ),
);

interface Client {
  agent: string;
  version: string | undefined;
  view: View;
  /** Everything that it heard, in whatever order. */
  heard: StateMessage[];
  /** On their way: late, and not in order. */
  coming: StateMessage[];
  follows: boolean;
}

export class World {
  readonly #time: TestTime;
  readonly #folder: string;
  #core!: Core;
  #files = 0;
  #backups: { file: string; isMarked: boolean }[] = [];
  #full = false;
  /** What could not be written is tried again each second. */
  #roomSince = 0;
  /** What must be in force. */
  #orders: Order[] = [];
  /** When what ends by itself must end, by the clock that nobody sets. */
  #ends = new Map<number, number>();
  #sent = 0;
  /** Reports of lost orders to this run. */
  #believed = 0;
  /** A client knows what was lost with an end of the service, and nobody has reported it yet. */
  #isOwed = false;
  readonly clients: Client[];
  /** How often what the steps are there to try did happen. */
  readonly seen = new Map<string, number>();

  static async make(time: TestTime, folder: string): Promise<World> {
    const world = new World(time, folder);
    await world.#open(join(folder, "0.db"));
    await world.backUp(false);
    for (const index of world.clients.keys()) world.reconnect(index);
    return world;
  }

  private constructor(time: TestTime, folder: string) {
    this.#time = time;
    this.#folder = folder;
    this.clients = AGENTS.map((agent, index) => {
      return { agent, version: VERSIONS[index], view: null, heard: [], coming: [], follows: false };
    });
  }

  // What people and agents do.

  kill(who: Who, scope: string, mode: Order["mode"], ttlSeconds: number | undefined): void {
    const ttl = scope.startsWith("drill/") ? ttlSeconds : undefined;
    const end = ttl === undefined ? Infinity : this.#time.monotonic() + ttl * 1_000;
    const order = { scope, mode, cause: "person" } as const;
    const loosens = this.#loosens(order, end);
    const result = this.#ask(who !== "both" && loosens, () =>
      this.#killSwitch.kill({ scope, mode, reason: "x", ttlSeconds: ttl }, ASKING[who]),
    );
    const expected =
      who === "releaser" ? 403 : !loosens ? "done" : who === "killer" ? 403 : this.#full ? "not durable" : "done";
    expect(result, `kill of ${scope} by ${who}`).toBe(expected);
    if (result === "done") this.#put(order, end);
    this.#count(`kill ${result}${this.#full ? ", full" : ""}`);
  }

  /** `ifEpoch`: so many before the newest order on the scope. */
  release(who: Who, scope: string, before: number | undefined): void {
    const newest = this.#orders.findLast((order) => order.scope === scope)?.epoch;
    const ifEpoch = before === undefined ? undefined : Math.max(0, (newest ?? 0) - before);
    const result = this.#ask(who === "killer", () =>
      this.#killSwitch.release({ scope, reason: "x", ifEpoch }, ASKING[who]),
    );
    const isNewer = ifEpoch !== undefined && newest !== undefined && newest > ifEpoch;
    const expected = who === "killer" ? 403 : isNewer ? 409 : this.#full ? "not durable" : "done";
    expect(result, `release of ${scope} by ${who}`).toBe(expected);
    if (result === "done") this.#orders = this.#orders.filter((order) => order.scope !== scope);
    this.#count(`release ${result}`);
  }

  trip(index: number, type?: string): void {
    const agent = AGENTS[index] ?? "";
    const on = type === undefined ? agent : `${agent}/${type}`;
    const order = { scope: on, mode: "read-only", cause: "breaker" } as const;
    const isNew = !this.#orders.some(({ scope, cause }) => scope === on && cause === "breaker");
    const asking = { caller: callerOf(`${agent}-token`, ["agent"], agent) };
    const trip = { instance: `pod-${index}`, signal: "errors", figures: {}, type };
    expect(this.#ask(true, () => this.#killSwitch.trip(trip, asking))).toBe("done");
    if (isNew) this.#put(order, Infinity);
    this.#count(isNew ? "trip" : "trip again");
  }

  /** A client says what it has applied; `late`: what it had applied so many messages ago. */
  report(index: number, late = 0): void {
    const client = this.#client(index);
    const applied = client.heard.filter(({ series }) => series === client.view?.series);
    const epoch = Math.max(0, ...applied.slice(0, applied.length - late).map((state) => state.epoch));
    const { agent, version } = client;
    const { series, epoch: known } = this.#killSwitch.standing;
    const report: ReportRequest = { instance: `pod-${index}`, agent, version, series, epoch };
    const result = this.#ask(true, () => this.#killSwitch.report(report, callerOf("x", ["agent"], agent)));
    // Those who report more lost orders than there can be make them up.
    const expected = epoch <= known ? "done" : epoch > known + 10_000 ? 400 : this.#believed < 10 ? "done" : 403;
    expect(result).toBe(expected);
    if (epoch <= known || result !== "done") return;
    this.#believed++;
    this.#put({ scope: "*", mode: "stopped", cause: "person" }, Infinity);
    this.#isOwed = false;
    const { orders } = this.#killSwitch.standing;
    expect(orders.at(-1)).toMatchObject({ scope: "*", mode: "stopped", by: "clawproof" });
    expect(orders.at(-1)?.epoch).toBeGreaterThan(epoch);
    this.#count("stopped for lost orders");
  }

  // What happens.

  pass(ms: number): void {
    this.#time.pass(ms);
    this.check();
  }

  setWall(byMs: number): void {
    this.#time.setWall(byMs);
    this.check();
  }

  /** Nothing can be written. */
  setFull(isFull: boolean): void {
    if (this.#full && !isFull) this.#roomSince = this.#time.monotonic();
    this.#full = isFull;
    this.#core.store.database.pragma(`query_only = ${isFull ? "ON" : "OFF"}`);
  }

  async restart(): Promise<void> {
    const survives = this.#killSwitch.durable || !this.#full;
    const { epoch } = this.#killSwitch.standing;
    const unsaved = this.#unsaved;
    this.#core.close();
    await this.#open(this.#core.dataFile, survives);
    if (survives) expect(this.#killSwitch.standing.epoch).toBe(epoch);
    if (!survives) this.#owe(unsaved);
    this.#count(survives ? "restart" : "restart, unsaved lost");
  }

  async crash(): Promise<void> {
    const { durable } = this.#killSwitch;
    const unsaved = this.#unsaved;
    const from = this.#core.dataFile;
    const to = join(this.#folder, `${++this.#files}.db`);
    await copyDataFile(from, to);
    this.#core.close();
    await this.#open(to, durable);
    if (!durable) this.#owe(unsaved);
    this.#count(durable ? "crash" : "crash, unsaved lost");
  }

  /** One of ours, which is marked as a backup, or a copy of the disk. */
  async backUp(isMarked: boolean): Promise<void> {
    const file = join(this.#folder, `backup-${++this.#files}.db`);
    await (isMarked ? backUpDataFile : copyDataFile)(this.#core.dataFile, file);
    this.#backups.push({ file, isMarked });
  }

  async restore(which: number): Promise<void> {
    const backup = this.#backups[which % Math.max(1, this.#backups.length)];
    if (backup === undefined) return;
    const { dataFile } = this.#core;
    this.#core.close();
    for (const part of ["", "-wal", "-shm"]) await rm(`${dataFile}${part}`, { force: true });
    if (backup.isMarked) await copyFile(backup.file, dataFile);
    else await copyDataFile(backup.file, dataFile);
    await this.#open(dataFile, false);
    const stopped: unknown = expect.objectContaining({ scope: "*", mode: "stopped", by: "clawproof" });
    if (backup.isMarked) expect(this.#killSwitch.standing.orders).toContainEqual(stopped);
    this.#count(`restore of a ${backup.isMarked ? "backup" : "copy"}`);
  }

  // What clients hear.

  /** One of the messages that are on their way arrives; it may arrive again. */
  arrive(index: number, which: number, again: boolean): void {
    const client = this.#client(index);
    const message = client.coming[which % Math.max(1, client.coming.length)];
    if (message === undefined) return;
    if (!again) client.coming = client.coming.filter((one) => one !== message);
    this.#hear(client, message);
  }

  /** Nothing more comes, and what was on its way is lost. */
  disconnect(index: number): void {
    Object.assign(this.#client(index), { follows: false, coming: [] });
  }

  reconnect(index: number): void {
    const client = this.#client(index);
    client.follows = true;
    this.#hear(client, this.#killSwitch.state());
  }

  /** Another switch answers under the same address. */
  hearStranger(index: number): void {
    const epoch = this.#killSwitch.standing.epoch + 500;
    this.#hear(this.#client(index), { ...this.#killSwitch.state(), series: "stranger", epoch, orders: [] });
  }

  /** There is room again, everybody is connected and has reported. */
  settle(): void {
    this.setFull(false);
    this.pass(2_000);
    const ahead = this.#isAnyAhead();
    if (this.#isOwed) expect(ahead, "what was lost is known to be").toBe(true);
    for (const step of ["report", "hear"]) {
      for (const index of this.clients.keys()) {
        this.reconnect(index);
        if (step === "report") this.report(index);
      }
    }
    const { orders, epoch } = this.#killSwitch.standing;
    expect(this.#killSwitch.durable).toBe(true);
    if (ahead) expect(orders).toContainEqual(expect.objectContaining({ scope: "*", mode: "stopped", by: "clawproof" }));
    for (const { view } of this.clients) {
      expect(view?.epoch).toBe(epoch);
      for (const target of TARGETS) expectNoLooser(modeIn(view, target), modeOf(orders, target));
    }
    this.#count(ahead ? "settled after a loss" : "settled");
  }

  /** Whether the switch is as the model says, on the disk too. */
  check(): void {
    const { standing, durable } = this.#killSwitch;
    const now = this.#time.monotonic();
    const ended = this.#orders.filter(({ epoch }) => !standing.orders.some((order) => order.epoch === epoch));
    for (const { epoch } of ended) expect(now, "too soon an end").toBeGreaterThanOrEqual(this.#endOf(epoch));
    if (ended.length > 0) this.#count("expired");
    this.#orders = this.#orders.filter((order) => !ended.includes(order));
    expect(standing.orders).toEqual(this.#orders);
    if (this.#full) expect(ended).toEqual([]);
    for (const { epoch } of this.#full ? [] : this.#orders) {
      expect(Math.max(this.#endOf(epoch), this.#roomSince), "no end").toBeGreaterThan(now - 1_001);
    }
    const log = wholeLog(this.#core.store);
    const onDisk = replay(log);
    expect(this.#core.store.standing()).toMatchObject(onDisk);
    if (durable) expect(standing).toMatchObject(onDisk);
  }

  close(): void {
    this.#core.close();
  }

  #isAnyAhead(): boolean {
    return this.clients.some(({ view }) => (view?.epoch ?? 0) > this.#killSwitch.standing.epoch);
  }

  #owe(lost: readonly number[]): void {
    const isKnown = ({ view }: Client): boolean => (view?.orders ?? []).some(({ epoch }) => lost.includes(epoch));
    this.#isOwed ||= this.clients.some(isKnown);
  }

  /** The numbers of the orders that a crash would lose. */
  get #unsaved(): number[] {
    const saved = this.#core.store.standing().orders.map(({ epoch }) => epoch);
    return this.#orders.map(({ epoch }) => epoch).filter((epoch) => !saved.includes(epoch));
  }

  get #killSwitch(): Core["killSwitch"] {
    return this.#core.killSwitch;
  }

  async #open(dataFile: string, survives = true): Promise<void> {
    const before = this.#orders;
    this.#full = false;
    this.#believed = 0;
    this.#core = await openCore({ clock: this.#time, dataFile });
    const { store, killSwitch } = this.#core;
    const { epoch, orders } = replay(wholeLog(store));
    if (survives) expect(orders).toEqual(before);
    this.#orders = orders;
    this.#ends = new Map(orders.map((order) => [order.epoch, this.#endAfterStart(order)]));
    this.#sent = epoch;
    killSwitch.onOrder(() => this.#push());
    // Nobody follows a service that has ended.
    for (const client of this.clients) client.follows = false;
    this.check();
  }

  #push(): void {
    const state = this.#killSwitch.state();
    expect(state.epoch, "epochs grow").toBeGreaterThan(this.#sent);
    this.#sent = state.epoch;
    for (const client of this.clients) if (client.follows) client.coming.push(state);
  }

  /** Does something; where that may loosen nothing, nothing is looser afterwards, now or at any later time. */
  #ask(mayNotLoosen: boolean, work: () => unknown): Result {
    const { standing } = this.#killSwitch;
    const [before, ends] = [standing.orders, new Map(this.#ends)];
    const result = resultOf(work);
    const { orders, epoch } = this.#killSwitch.standing;
    if (result !== "done") expect(this.#killSwitch.standing).toBe(standing);
    const newest = orders.find((order) => order.epoch === epoch && order.expiresAt !== undefined);
    if (newest) ends.set(epoch, this.#time.monotonic() + lifeOf(newest));
    if (!mayNotLoosen) return result;
    const end = ({ epoch: of }: Order): number => ends.get(of) ?? Infinity;
    for (const time of [-Infinity, ...ends.values()]) {
      const held = (all: readonly Order[], target: Target): Mode =>
        modeOf(
          all.filter((one) => end(one) > time),
          target,
        );
      for (const target of TARGETS) expectNoLooser(held(orders, target), held(before, target));
    }
    return result;
  }

  /** Whether an order on a scope leaves that scope less strictly held, now or later. */
  #loosens(next: Pick<Order, "scope" | "mode" | "cause">, end: number): boolean {
    const before = this.#orders
      .filter(({ scope }) => scope === next.scope)
      .map(({ mode, cause, epoch }) => ({ mode, cause, end: this.#endOf(epoch) }));
    const after = [...before.filter(({ cause }) => cause !== next.cause), { ...next, end }];
    const held = (all: typeof before, time: number): Mode =>
      strictest(all.filter((one) => one.end > time).map(({ mode }) => mode));
    return [-Infinity, end, ...before.map((one) => one.end)].some((t) => isLooser(held(after, t), held(before, t)));
  }

  /** The newest order is this one, in the place of its own kind's. */
  #put(given: Pick<Order, "scope" | "mode" | "cause">, end: number): void {
    const newest = this.#killSwitch.standing.orders.at(-1);
    expect(newest).toMatchObject({ ...given, epoch: this.#killSwitch.standing.epoch });
    if (newest === undefined) return;
    // What cannot be written twice in a row takes the same numbers.
    if (this.#full) this.#isOwed = false;
    const { scope, cause } = given;
    this.#orders = [...this.#orders.filter((one) => one.scope !== scope || one.cause !== cause), newest];
    if (end < Infinity) this.#ends.set(newest.epoch, end);
    expect(newest.expiresAt === undefined).toBe(end === Infinity);
  }

  #hear(client: Client, message: StateMessage): void {
    const before = client.view;
    const after = (client.view = hear(before, message));
    client.heard.push(message);
    const ofSeries = client.heard.filter(({ series }) => series === client.heard[0]?.series);
    const newest = Math.max(...ofSeries.map(({ epoch }) => epoch));
    const known = ofSeries.filter(({ epoch }) => epoch === newest).flatMap(({ orders }) => orders);
    expect(after?.epoch).toBe(newest);
    for (const target of TARGETS) {
      expect(modeIn(after, target)).toBe(modeOf(known, target));
      if (before?.epoch === after?.epoch) expectNoLooser(modeIn(after, target), modeIn(before, target));
    }
  }

  #client(index: number): Client {
    const client = this.clients[index];
    if (client === undefined) throw new Error(`there is no client ${index}`);
    return client;
  }

  #endOf(epoch: number): number {
    return this.#ends.get(epoch) ?? Infinity;
  }

  #endAfterStart(order: Order): number {
    if (order.expiresAt === undefined) return Infinity;
    const left = Math.max(0, Date.parse(order.expiresAt) - this.#time.now());
    return this.#time.monotonic() + Math.min(left, lifeOf(order));
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

function resultOf(work: () => unknown): Result {
  try {
    work();
    return "done";
  } catch (error) {
    if (error instanceof NotDurable) return "not durable";
    if (error instanceof Refused) return error.status;
    throw error;
  }
}

function lifeOf({ at, expiresAt = at }: Order): number {
  return Date.parse(expiresAt) - Date.parse(at);
}

function expectNoLooser(mode: Mode | null, than: Mode | null): void {
  if (isLooser(mode ?? "running", than ?? "running")) expect.fail(`${mode} is looser than ${than}`);
}

/** What a log leaves in force. */
function replay(log: readonly Entry[]): { epoch: number; orders: Order[] } {
  let orders: Order[] = [];
  let newest = 0;
  for (const entry of log.filter(({ epoch }) => epoch !== undefined)) {
    const { kind, epoch = 0, scope = "", mode, cause = "person", by, reason = "", at } = entry;
    expect(epoch, "epochs grow").toBeGreaterThan(newest);
    newest = epoch;
    orders = orders.filter((one) => one.scope !== scope || (kind !== "release" && one.cause !== cause));
    if (kind === "release" || kind === "expired" || mode === undefined || mode === "running") continue;
    const expiresAt = entry["expiresAt"] as string | undefined;
    orders.push({ epoch, scope, mode, cause, by, reason, at, ...(expiresAt === undefined ? {} : { expiresAt }) });
  }
  return { epoch: newest, orders };
}
