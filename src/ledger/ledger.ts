import type { Dialect } from "../databases/database.ts";
import { StatementRefused } from "../databases/writing/writer.ts";
import type {
  ActionStatus,
  Entry,
  KeptHandler,
  NewAction,
  Outcome,
  RunRecord,
  UndoClass,
  UndoStatus,
} from "./record.ts";

/** The ledger could not be read or written; the message is for a person, holds no secret and has no stack to show. */
export class LedgerError extends Error {
  override name = "LedgerError";

  /** Whether the ledger is there, and does not take what it was given. */
  get isOfValues(): boolean {
    return this.cause === undefined || this.cause instanceof StatementRefused;
  }
}

/** Which actions are meant; all conditions hold together, values within one are alternatives. Nothing given: all. */
export interface Filter {
  ids?: readonly string[] | undefined;
  traces?: readonly string[] | undefined;
  /** `[since, until)` on `started_at`, epoch milliseconds. */
  since?: number | undefined;
  until?: number | undefined;
  types?: readonly string[] | undefined;
  /** Globs: `*` stands for any text, also with slashes in it, `?` for one character; all else is itself. */
  targets?: readonly string[] | undefined;
  subjects?: readonly string[] | undefined;
  agent?: string | undefined;
  version?: string | undefined;
  effect?: "read" | "write" | undefined;
  /** Left out: both; `false`: real ones alone. */
  drill?: boolean | undefined;
}

/** How many actions of one type and class a filter finds. */
export interface Count {
  type: string;
  undo_class: UndoClass;
  status: ActionStatus;
  undo_status: UndoStatus;
  count: number;
}

/** What the ledger spans: the first and the last start, epoch milliseconds; both null where it is empty. */
export interface Range {
  first: number | null;
  last: number | null;
}

export type Claim =
  /** The step is this run's. `resumed`: somebody was undoing it already; `takenFrom` is that run, if it was another. */
  | { claimed: true; resumed: boolean; takenFrom: string | null }
  /** It is not: another run that lives holds it, or its status is none of those to begin from; null: no such action. */
  | { claimed: false; status: UndoStatus | null; heldBy: RunRecord | null };

/** How a claimed step ended. */
export interface StepEnd {
  id: string;
  status: Exclude<UndoStatus, "undoing">;
  /** What a person must know: why it failed, what to do by hand. */
  error?: string | null | undefined;
}

/** A transaction of the caller's on the ledger's own database: pg's Client, mysql2's connection, or a libsql database. */
export type Transaction = object;

/** Recording: what the guard uses. Every method rejects with LedgerError. */
export interface Recording {
  /** Resolves with the action's id when its row is on the disk; with a transaction, when it is part of it. */
  begin(action: NewAction, transaction?: Transaction): Promise<string>;
  /** Resolves when the outcome is on the disk; with a transaction, when it is part of it. */
  end(id: string, outcome: Outcome, transaction?: Transaction): Promise<void>;
  /** Keeps an `undo` given as data, with a transaction as part of it; the same agent, version and type replaces it. */
  putHandler(handler: KeptHandler, transaction?: Transaction): Promise<void>;
}

/** Reading: what `clawproof ledger`, the plan and the audit use. */
export interface Reading {
  /** Newest start first, fetched page by page: a million rows never stand in memory together. */
  entries(filter: Filter, options?: { limit?: number | undefined }): AsyncIterable<Entry>;
  counts(filter: Filter): Promise<Count[]>;
  /** The trace that a mistyped one most likely meant: with the longest beginning in common; null in an empty ledger. */
  nearestTrace(trace: string): Promise<string | null>;
  range(): Promise<Range>;
  handlers(): Promise<KeptHandler[]>;
}

/** Steps to claim, and what they may be before. */
export interface Wanted {
  ids: readonly string[];
  from: readonly UndoStatus[];
}

/** A run's claims, all by the database's own clock. Whoever has not been heard for 30 s is dead, and loses its steps. */
export interface Claiming {
  startRun(run: { owner: string; plan?: string | null | undefined }): Promise<RunRecord>;
  /** Says that the run lives. False: it was taken for dead meanwhile, or has ended, and may have lost steps. */
  heartbeat(run: string): Promise<boolean>;
  endRun(run: string): Promise<void>;
  runs(): Promise<RunRecord[]>;
  /**
   * Both in one commit. Ends claimed steps first, each only while this run still holds it. Then claims others, which may be
   * among those that were just ended: those whose status is among `from`, and those that a dead run was undoing. Of two runs
   * at most one gets a step. Answers by id; `entries` are the rows of what was claimed.
   */
  turn(
    run: string,
    work: { ends?: readonly StepEnd[]; wanted?: readonly Wanted[] },
  ): Promise<{ claims: Map<string, Claim>; entries: Map<string, Entry> }>;
}

/** Dropping what is old. */
export interface Keeping {
  /**
   * Deletes actions that started before a time (epoch milliseconds), in batches, and answers how many; never what can still
   * be undone, and never what a run is undoing.
   */
  dropBefore(time: number): Promise<number>;
}

export interface Ledger extends Recording, Reading, Claiming, Keeping {
  readonly dialect: Dialect;
  /** As reports show it: no user, no password, no query. */
  readonly shown: string;
  /** Why a durable row may yet not outlive the machine (a server that does not sync), in words; null where it does. */
  unsynced(): Promise<string | null>;
  /** Waits for what was begun, then closes; never throws. */
  close(): Promise<void>;
}
