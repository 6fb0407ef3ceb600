import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { onTestFinished, vi } from "vitest";
import type { OpenDataFile } from "../../src/switch/service/data-file.ts";
import type { Role } from "../../src/switch/protocol/roles.ts";
import type { Caller } from "../../src/switch/service/caller.ts";
import type { Entry } from "../../src/switch/service/entry.ts";
import { Store } from "../../src/switch/service/store.ts";
import { Switch, type SwitchOptions } from "../../src/switch/service/switch.ts";
import type { Clock } from "../../src/values/clock.ts";
import { breakBetween } from "../../src/values/hash-chain.ts";
import type { ReportRequest } from "../../src/switch/protocol/messages.ts";
import type { Order } from "../../src/switch/protocol/order.ts";

/** The service's core without HTTP: a Switch on a real data file. */

const closing = new Set<() => void>();

// Not afterEach: test files share this module, and the hooks of a module are those of the first file that loads it.
function closeAfterThis(close: () => void): void {
  if (closing.size === 0) onTestFinished(closeAll);
  closing.add(close);
}

function closeAll(): void {
  for (const close of [...closing].reverse()) close();
}

/** A folder that is gone after the test. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-switch-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const DAY_MS = 24 * 60 * 60 * 1_000;

/** The wall clock can be set; the other goes on. */
export class SetClock implements Clock {
  wall: number;
  steady = 5_000;
  constructor(wall = Date.parse("2026-03-01T12:00:00.000Z")) {
    this.wall = wall;
  }
  now(): number {
    return this.wall;
  }
  monotonic(): number {
    return this.steady;
  }
  advance(ms: number): void {
    this.wall += ms;
    this.steady += ms;
  }
}

/** Timers that go by the test's time, until the test ends; the wall clock beside them can be set. */
export class TestTime implements Clock {
  readonly #startedAt: number;
  #ahead = 0;
  constructor() {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
    this.#startedAt = Date.now();
    onTestFinished(() => void vi.useRealTimers());
  }
  now(): number {
    return Date.now() + this.#ahead;
  }
  monotonic(): number {
    return 5_000 + Date.now() - this.#startedAt;
  }
  /** So much time goes by, and what waits for it is called. */
  pass(ms: number): void {
    vi.advanceTimersByTime(ms);
  }
  /** Somebody sets the wall clock. */
  setWall(byMs: number): void {
    this.#ahead += byMs;
  }
}

/** libsql closes the files of a closed data file when its statements are collected: for tests that open thousands. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

export interface Core {
  store: Store;
  killSwitch: Switch;
  dataFile: string;
  /** As a service does that ends well. */
  close: () => void;
}

export type CoreOptions = Partial<SwitchOptions> & { dataFile?: string; file?: OpenDataFile };

/** A switch on a new data file, or an earlier one's; closed after the test. Nothing here waits for a disk unless told so. */
export async function openCore(options: CoreOptions = {}): Promise<Core> {
  const dataFile = options.dataFile ?? join(await newFolder(), "switch.db");
  const store = await Store.open(dataFile, { synchronous: "OFF", ...options.file });
  const killSwitch = new Switch(store, { leaseMs: 15_000, clock: new SetClock(), ...options });
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    closing.delete(close);
    killSwitch.close();
    store.close();
  };
  closeAfterThis(close);
  return { store, killSwitch, dataFile, close };
}

export function callerOf(name: string, roles: readonly Role[], agent: string | null = null): Caller {
  return { tokenId: name, name, roles, agent, from: "192.0.2.7" };
}

export const KILLER = { caller: callerOf("kim", ["kill"]) };
export const RELEASER = { caller: callerOf("rob", ["release"]) };
export const BOTH = { caller: callerOf("olga", ["kill", "release"]) };
export const READER = { caller: callerOf("rita", ["read"]) };
export const AGENT = { caller: callerOf("support-token", ["agent"], "support") };

export function reportOf(killSwitch: Switch, given: Partial<ReportRequest> = {}): ReportRequest {
  const { series, epoch } = killSwitch.standing;
  return { instance: "pod-1", agent: "support", series, epoch, ...given };
}

/** `scope mode` of each order in force. */
export function inForce(orders: readonly Order[]): string[] {
  return orders.map(({ scope, mode }) => `${scope} ${mode}`);
}

/** In JSON more than a page of the data file, so that a full disk is full for it. */
export const LONG_REASON = `x${"\u0001".repeat(999)}`;

/** From now on the data file does not grow. */
export function fillDisk({ database }: Store): void {
  database.pragma("max_page_count = 1");
}

export function makeRoom({ database }: Store): void {
  database.pragma("max_page_count = 100000");
}

/** Every entry of the log; throws where the chain is broken. */
export function wholeLog(store: Store): Entry[] {
  const entries = store.log({ limit: 1_000_000 });
  let previous = "";
  for (const [index, entry] of entries.entries()) {
    const broken = entry.seq === index + 1 ? breakBetween(previous, entry) : "numbered wrongly";
    if (broken !== null) throw new Error(`entry ${index + 1} is ${broken}`);
    previous = entry.hash;
  }
  return entries;
}

/** The data file as a crash of the process leaves it, or a copy of the disk takes it, under another name. */
export async function copyDataFile(from: string, to: string): Promise<void> {
  for (const part of ["", "-wal"]) await copyFile(`${from}${part}`, `${to}${part}`);
}
