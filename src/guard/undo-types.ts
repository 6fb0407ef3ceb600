import type { ActionRecord } from "../ledger/record.ts";
import type { UndoFunction } from "../rollback/undo-function.ts";

/** The values that find the rows of an action. It must not change them: a row that no longer goes by its key looks deleted. */
export type UndoKey = Readonly<Record<string, string | number | bigint | boolean | null>>;

/** Rows of a database, read before and after the action in the database's own text form, and put back in one transaction. */
export interface SqlUndo<Input> {
  sql: {
    /** `sqlite:PATH` (relative to where the agent runs), `postgres://…` or `mysql://…`. Its password is not kept. */
    database: string;
    table: string;
    key: (input: Input) => UndoKey;
    /** Columns that an undo neither compares nor restores. */
    ignore?: readonly string[];
  };
  residue?: string;
}

/** The forms of clawproof.yaml, section `rollback.undo`; placeholders such as `${record.reference}` are filled in then. */
export interface CompensatingUndo {
  http?: Readonly<Record<string, unknown>>;
  command?: readonly string[];
  module?: string;
  /** A call, or a module, that tells what is there now: for the comparison before, and the read-back after. */
  state?: Readonly<Record<string, unknown>>;
  /** Whether it may be repeated with the same key after a crash. */
  idempotent?: boolean;
  /** What no undo takes away, such as `the mail was read`. */
  residue?: string;
}

/** What a person must do, where nothing can be undone by a program. */
export interface IrreversibleUndo {
  irreversible: string;
}

/** How an action is taken back: data, which any process can use, or a function, which needs the agent's own module. */
export type ActionUndo<Input> = SqlUndo<Input> | CompensatingUndo | IrreversibleUndo | UndoFunction;

type Name = string | number | null | undefined;

/** What an action says for its record in the ledger. All of it is asked for only where there is a ledger. */
export interface RecordedDefinition<Input, Result> {
  /** The state before, stored before anything runs. */
  before?: (input: Input) => unknown;
  after?: (input: Input, result: Awaited<Result>) => unknown;
  /** The name that others gave to what was done: the ID of a message sent. */
  reference?: (result: Awaited<Result>) => Name | PromiseLike<Name>;
  undo?: ActionUndo<Input>;
  /** For how long it can be undone, as a duration. */
  undoWithin?: string | number;
  /** Everything it changes lives in the ledger's own database, so that a call may bring its transaction. */
  joins?: boolean;
}

export type { ActionRecord, UndoFunction };
