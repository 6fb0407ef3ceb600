/** The tables of the ledger (contract, section 6), as TypeScript sees them: a field is called what its column is called. */

export const ACTIONS = "clawproof_actions";
export const RUNS = "clawproof_runs";
export const META = "clawproof_meta";

export type Effect = "read" | "write";
export type ActionStatus = "started" | "refused" | "done" | "failed";
export type UndoClass = "reversible" | "compensable" | "irreversible" | "unknown";
export type UndoStatus = "none" | "undoing" | "undone" | "unverified" | "conflict" | "failed" | "unknown";
export type UndoForm = "sql" | "http" | "command" | "module" | "function" | "irreversible";

/** How an action is taken back, as its row keeps it. `key` names what was changed, where the form has a key (`sql`). */
export interface RecordedUndo {
  form: UndoForm;
  key?: Readonly<Record<string, string | number | boolean | null>> | undefined;
}

/**
 * One row of `clawproof_actions`. Times are epoch milliseconds. What is stored as JSON (`before`, `after`, `captured`) is
 * any JSON value, and `undefined` where nothing was stored: a value that was null is null.
 */
export interface ActionRecord {
  /** 26 characters that sort by the time of the start. */
  id: string;
  trace_id: string;
  agent: string;
  version: string | null;
  type: string;
  effect: Effect;
  target: string | null;
  subject: string | null;
  /** The switch's epoch that the decision rested on. */
  epoch: number | null;
  drill: boolean;
  status: ActionStatus;
  before?: unknown;
  after?: unknown;
  reference: string | null;
  undo: RecordedUndo | null;
  /** Rows that the compensator `sql` read itself; their form is its own. */
  captured?: unknown;
  started_at: number;
  ended_at: number | null;
  undo_class: UndoClass;
  residue: string | null;
  /** When the window for undoing closes. */
  undo_until: number | null;
  undo_status: UndoStatus;
  /** The run that claims it, or that claimed it last. */
  undo_run: string | null;
  undone_at: number | null;
  undo_error: string | null;
}

/** A row of which something cannot be read: `row` is what does read, `why` names the columns and their faults. */
export interface DamagedRecord {
  id: string;
  why: string;
  row: Readonly<Record<string, unknown>>;
}

/**
 * What reading gives for a row: nothing that a damaged one does hides the others. `sealed`: some of its values are encrypted
 * or redacted where they are kept, and must not be written down elsewhere.
 */
export type Entry =
  | { record: ActionRecord; sealed: boolean; damaged?: undefined }
  | { damaged: DamagedRecord; record?: undefined; sealed?: undefined };

/** An action that is about to be done. The id and `started_at` are the ledger's. */
export interface NewAction {
  trace_id: string;
  agent: string;
  type: string;
  effect: Effect;
  version?: string | null | undefined;
  target?: string | null | undefined;
  subject?: string | null | undefined;
  epoch?: number | null | undefined;
  drill?: boolean | undefined;
  before?: unknown;
  undo?: RecordedUndo | null | undefined;
  captured?: unknown;
  /** `unknown` where it is left out. */
  undo_class?: UndoClass | undefined;
  residue?: string | null | undefined;
  undo_until?: number | null | undefined;
}

/** How an action ended. What is left out stays as it was when it began. */
export interface Outcome {
  status: "done" | "failed" | "refused";
  after?: unknown;
  reference?: string | null | undefined;
  captured?: unknown;
  undo_until?: number | null | undefined;
}

/** One row of `clawproof_runs`: somebody who takes actions back. Times are epoch milliseconds by the database's clock. */
export interface RunRecord {
  id: string;
  /** Who, for people to read: `dana@laptop, process 4711`. */
  owner: string;
  /** Hash of the plan that it carries out; null where it has none. */
  plan: string | null;
  started_at: number;
  /** When it last said that it lives. */
  heartbeat: number;
  ended_at: number | null;
}

/** An `undo` given as data, kept for every action of its agent, version and type. */
export interface KeptHandler {
  agent: string;
  version: string | null;
  type: string;
  /** The form as JSON, as clawproof.yaml would write it: `{"http": {…}}`. */
  undo: unknown;
}

/** All columns of `clawproof_actions`, in the table's order. */
export const COLUMNS = [
  "id",
  "trace_id",
  "agent",
  "version",
  "type",
  "effect",
  "target",
  "subject",
  "epoch",
  "drill",
  "status",
  "before",
  "after",
  "reference",
  "undo",
  "captured",
  "started_at",
  "ended_at",
  "undo_class",
  "residue",
  "undo_until",
  "undo_status",
  "undo_run",
  "undone_at",
  "undo_error",
] as const satisfies readonly (keyof ActionRecord)[];

export type Column = (typeof COLUMNS)[number];

/** Columns whose text is JSON. */
export const JSON_COLUMNS: ReadonlySet<Column> = new Set<Column>(["before", "after", "undo", "captured"]);
