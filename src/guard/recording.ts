import { systemClock } from "../values/clock.ts";
import { sameJson } from "../values/same-json.ts";
import { type Ledger, LedgerError } from "../ledger/ledger.ts";
import { checkSealing } from "../ledger/sealing-fields.ts";
import type { LedgerOptions } from "../ledger/open.ts";
import type { KeptHandler } from "../ledger/record.ts";
import { checkMembers, shown } from "./given.ts";
import type { Notice } from "./options.ts";
import type { ReadUndo } from "./undo-form.ts";
import type { UndoKey } from "./undo-types.ts";
import { keptSql, withoutPassword } from "./undo-form.ts";

/** After a ledger could not be opened, so long until it is tried again: each write would wait for it. */
const AGAIN_MS = 1_000;

/** What is old is dropped when the ledger is opened, and so often after that. */
const DROP_EVERY_MS = 24 * 3_600_000;

/** Limit of a commit, where the settings say nothing of it. */
const TIMEOUT_MS = 10_000;

type Capturer = import("../rollback/sql/capture.ts").Capturer;
type Captured = import("../rollback/sql/captured.ts").Captured;

export interface LedgerSettings extends LedgerOptions {
  /** `sqlite:PATH`, `postgres://…` or `mysql://…`. */
  database: string;
  /** How long an action is kept, as a duration (`90d`); what can still be undone is kept all the same. Default: for ever. */
  keep?: string | number | undefined;
}

const KNOWN = {
  ...{ database: true, keep: true, redact: true, encrypt: true, keys: true },
  ...{ directory: true, create: true, timeoutMs: true, now: true, synchronous: true },
} satisfies Record<keyof LedgerSettings, true>;

/** Throws TypeError for settings that no record could be written with: the first write would be too late to hear of it. */
export function checkLedger(settings: LedgerSettings): void {
  checkMembers("ledger", settings, Object.keys(KNOWN));
  const { database, timeoutMs } = settings;
  if (typeof database !== "string" || database.trim() === "") {
    throw new TypeError(`ledger.database is ${shown(database)}: give sqlite:PATH, postgres://… or mysql://…`);
  }
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    throw new TypeError(`ledger.timeoutMs must be milliseconds above 0, not ${shown(timeoutMs)}`);
  }
  try {
    checkSealing(settings);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw new TypeError(`ledger: ${error.message}`, { cause: error });
  }
}

export interface RecordingsOptions {
  agent: string;
  version: string | undefined;
  notice: (notice: Notice) => void;
  /** `keep` of the settings; null for ever. */
  keepMs: number | null;
}

/** The ledger as the guard uses it: opened on use, opened again where that failed, and closed with the guard. */
export class Recordings {
  readonly #settings: LedgerSettings;
  readonly #notice: (notice: Notice) => void;
  readonly #agent: string;
  readonly #version: string | null;
  readonly #keepMs: number | null;
  readonly #kept = new Map<string, Promise<void>>();
  readonly #databases = new Map<string, string>();
  #opening: Promise<Ledger> | null = null;
  #capturer: Promise<Capturer> | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;
  #failure: unknown = null;
  #dropping: ReturnType<typeof setInterval> | undefined;
  #closed = false;
  #running = 0;
  #idle: () => void = () => undefined;

  constructor(settings: LedgerSettings, { agent, version, notice, keepMs }: RecordingsOptions) {
    this.#settings = settings;
    this.#agent = agent;
    this.#version = version ?? null;
    this.#notice = notice;
    this.#keepMs = keepMs;
  }

  /** Rejects with LedgerError while it cannot be had. */
  async ledger(): Promise<Ledger> {
    if (this.#opening === null && this.#closed) throw new Error("the guard is closed");
    if (this.#opening === null && performance.now() - this.#failedAt < AGAIN_MS) throw this.#failure;
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Keeps an undo given as data, once, so that any process can use it. Rejects with LedgerError; then the next call tries again. */
  keep(type: string, undo: ReadUndo, key: UndoKey | null, transaction: object | undefined): Promise<void> {
    if (undo.sql !== null) this.#databases.set(withoutPassword(undo.sql.database), undo.sql.database);
    const data = undo.sql !== null && key !== null ? keptSql(undo.sql, key, undo.residue) : undo.kept;
    if (data === null) return Promise.resolve();
    const known = this.#kept.get(type);
    if (known) return known;
    return this.#keep({ agent: this.#agent, version: this.#version, type, undo: data }, transaction);
  }

  async #keep(handler: KeptHandler, transaction: object | undefined): Promise<void> {
    const { type } = handler;
    const ledger = await this.ledger();
    if (transaction !== undefined && ledger.dialect === "sqlite") {
      // It holds the whole file, and waits for us; and it may be rolled back.
      const isKept = (await ledger.handlers()).some((kept) => sameJson(kept, handler));
      if (isKept) this.#kept.set(type, Promise.resolve());
      else await ledger.putHandler(handler, transaction);
      return;
    }
    const keeping = this.#kept.get(type) ?? ledger.putHandler(handler);
    this.#kept.set(type, keeping);
    await keeping.catch((error: unknown) => {
      this.#kept.delete(type);
      throw error;
    });
  }

  /** The database that a kept address, which has no password, means. */
  databaseOf(kept: string): string {
    return this.#databases.get(kept) ?? kept;
  }

  /** The rows that an action is about, as they are before it. */
  async captureBefore(sql: NonNullable<ReadUndo["sql"]>, key: UndoKey): Promise<Captured> {
    return (await this.#capture()).before(sql, key);
  }

  async captureAfter(sql: NonNullable<ReadUndo["sql"]>, captured: Captured): Promise<Captured> {
    return (await this.#capture()).after(sql, captured);
  }

  /** What has happened cannot be refused any more: that its record is not whole is said loudly. */
  incomplete(type: string, id: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#notice({
      level: "error",
      code: "record-incomplete",
      message: `the record ${id} of ${type} is not whole: ${why}`,
    });
  }

  /** A call that is recorded goes through here, so that closing waits until its record says how it ended. */
  async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      if (this.#running === 0) this.#idle();
    }
  }

  /** Waits for what runs, as long as for a commit. */
  async close(): Promise<void> {
    const limitMs = this.#settings.timeoutMs ?? TIMEOUT_MS;
    if (this.#running > 0) {
      let timer;
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
        timer = setTimeout(resolve, limitMs);
      });
      clearTimeout(timer);
    }
    this.#closed = true;
    clearInterval(this.#dropping);
    await this.#opening?.then((ledger) => ledger.close()).catch(() => undefined);
    await this.#capturer?.then((capturer) => capturer.close()).catch(() => undefined);
  }

  async #open(): Promise<Ledger> {
    try {
      const { openLedger } = await import("../ledger/open.ts");
      const { database, keep: _keep, ...options } = this.#settings;
      const ledger = await openLedger(database, options);
      this.#dropOld(ledger);
      return ledger;
    } catch (error) {
      this.#opening = null;
      this.#failedAt = performance.now();
      this.#failure = error;
      const why = error instanceof Error ? error.message : String(error);
      this.#notice({ level: "error", code: "ledger", message: `writes are refused: ${why}` });
      throw error;
    }
  }

  #dropOld(ledger: Ledger): void {
    const keepMs = this.#keepMs;
    if (keepMs === null || this.#closed) return;
    const drop = (): void => {
      // By the clock that the ledger stamps its rows with.
      ledger.dropBefore(systemClock.now() - keepMs).catch((error: unknown) => {
        if (this.#closed) return;
        const why = error instanceof Error ? error.message : String(error);
        this.#notice({ level: "warn", code: "ledger-keep", message: `old actions could not be dropped: ${why}` });
      });
    };
    drop();
    this.#dropping = setInterval(drop, DROP_EVERY_MS).unref();
  }

  #capture(): Promise<Capturer> {
    // One that is opened now nobody would close.
    if (this.#closed) return Promise.reject(new Error("the guard is closed"));
    this.#capturer ??= import("../rollback/sql/capture.ts").then(({ createCapturer }) =>
      createCapturer({
        statementTimeoutMs: this.#settings.timeoutMs ?? TIMEOUT_MS,
        directory: this.#settings.directory ?? ".",
        secrets: NO_SECRETS,
      }),
    );
    return this.#capturer;
  }
}

/** The agent gives its databases as they are, with nothing to look up. */
const NO_SECRETS = {
  get: (name: string) => Promise.reject(new Error(`${name} is not known here`)),
  has: () => Promise.resolve(false),
  redact: (text: string) => text,
};
