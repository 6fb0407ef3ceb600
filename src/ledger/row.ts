import type { Parameter } from "../databases/database.ts";
import type { Stamp } from "./ids.ts";
import { isMoment } from "../values/moment.ts";
import { LedgerError } from "./ledger.ts";
import { COLUMNS, type ActionRecord, type Column, type Entry, type NewAction, type Outcome } from "./record.ts";
import { holdsSealed, isMarkText, jsonText, mayHoldMark, type Seal } from "./sealing.ts";
import type { SealedColumn } from "./sealing-fields.ts";

/** What comes with the end of an action or with its undo, or has the same value in every new row. */
const LATER = [
  "status",
  "after",
  "reference",
  "ended_at",
  "undo_status",
  "undo_run",
  "undone_at",
  "undo_error",
] as const satisfies readonly Column[];
type Inserted = Exclude<Column, (typeof LATER)[number]>;

/** What a new row gives, in the table's order. */
export const INSERTED = COLUMNS.filter((column): column is Inserted => !LATER.some((later) => later === column));

/** What an end gives, after the id. */
export const ENDED = [
  "id",
  "status",
  "after",
  "reference",
  "captured",
  "ended_at",
  "undo_until",
] as const satisfies readonly Column[];

/** The values of `INSERTED`. Throws LedgerError for what cannot be stored. */
export function insertedValues({ id, at }: Stamp, action: NewAction, seal: Seal): Parameter[] {
  const json = (column: SealedColumn, value: unknown) => jsonText(column, seal.close(id, column, value));
  const values: Record<Inserted, Parameter> = {
    id,
    trace_id: action.trace_id,
    agent: action.agent,
    version: action.version ?? null,
    type: action.type,
    effect: action.effect,
    target: action.target ?? null,
    subject: action.subject ?? null,
    epoch: action.epoch ?? null,
    drill: action.drill === true ? 1 : 0,
    before: json("before", action.before),
    undo: jsonText("undo", action.undo ?? undefined),
    captured: json("captured", action.captured),
    started_at: at,
    undo_class: action.undo_class ?? "unknown",
    residue: action.residue ?? null,
    undo_until: action.undo_until ?? null,
  };
  return INSERTED.map((column) => values[column]);
}

/** The values of `ENDED`. Throws LedgerError for what cannot be stored. */
export function endedValues(id: string, at: number, outcome: Outcome, seal: Seal): Parameter[] {
  const json = (column: SealedColumn, value: unknown) => jsonText(column, seal.close(id, column, value));
  const reference = seal.close(id, "reference", outcome.reference ?? null);
  return [
    id,
    outcome.status,
    json("after", outcome.after),
    typeof reference === "string" ? reference : reference === null ? null : JSON.stringify(reference),
    json("captured", outcome.captured),
    at,
    outcome.undo_until ?? null,
  ];
}

type Row = Readonly<Record<string, unknown>>;

const WORDS: Partial<Record<Column, readonly string[]>> = {
  effect: ["read", "write"],
  status: ["started", "refused", "done", "failed"],
  undo_class: ["reversible", "compensable", "irreversible", "unknown"],
  undo_status: ["none", "undoing", "undone", "unverified", "conflict", "failed", "unknown"],
};
const TIMES: ReadonlySet<Column> = new Set<Column>(["started_at", "ended_at", "undo_until", "undone_at"]);
const NEVER_NULL: ReadonlySet<Column> = new Set<Column>(["id", "trace_id", "agent", "type", "started_at"]);

/** A row as any of the drivers gives it, read; damaged where a column holds what it cannot. */
export const entryOf = (row: Row, seal: Seal): Entry => entryFrom((column) => row[column], seal);

const PLACES = Object.fromEntries(COLUMNS.map((column, index) => [column, index])) as Record<Column, number>;
/** The same of a row's values as a list, in the table's order. */
export const entryOfList = (cells: readonly unknown[], seal: Seal): Entry =>
  entryFrom((column) => cells[PLACES[column]], seal);

function entryFrom(cell: (column: Column) => unknown, seal: Seal): Entry {
  const faults: string[] = [];
  const of: Of = { id: String(cell("id")), seal, sealed: false };
  // Each column is looked at by itself, and is of its type or a fault.
  const read = <C extends Column>(column: C): ActionRecord[C] => {
    try {
      return READ[column](cell(column), of) as ActionRecord[C];
    } catch (error) {
      faults.push(`${column} ${error instanceof Error ? error.message : String(error)}`);
      return undefined as ActionRecord[C];
    }
  };
  // One by one, which is much faster and smaller than the same in a loop over names.
  const record: ActionRecord = {
    id: read("id"),
    trace_id: read("trace_id"),
    agent: read("agent"),
    version: read("version"),
    type: read("type"),
    effect: read("effect"),
    target: read("target"),
    subject: read("subject"),
    epoch: read("epoch"),
    drill: read("drill"),
    status: read("status"),
    before: read("before"),
    after: read("after"),
    reference: read("reference"),
    undo: read("undo"),
    captured: read("captured"),
    started_at: read("started_at"),
    ended_at: read("ended_at"),
    undo_class: read("undo_class"),
    residue: read("residue"),
    undo_until: read("undo_until"),
    undo_status: read("undo_status"),
    undo_run: read("undo_run"),
    undone_at: read("undone_at"),
    undo_error: read("undo_error"),
  };
  if (faults.length === 0) return { record, sealed: of.sealed };
  return { damaged: { id: of.id, why: faults.join("; "), row: damagedRow(cell, of) } };
}

/** What does read of a damaged row, and as it stands what does not. */
function damagedRow(cell: (column: Column) => unknown, of: Of): Record<string, unknown> {
  return Object.fromEntries(
    COLUMNS.map((column) => {
      try {
        return [column, READ[column](cell(column), of)];
      } catch {
        return [column, cell(column)];
      }
    }),
  );
}

/** The row that is being read; `sealed` is set where a value of it was. */
interface Of {
  id: string;
  seal: Seal;
  sealed: boolean;
}
type Read = (value: unknown, of: Of) => unknown;

const OTHERS: Partial<Record<Column, Read>> = { epoch: numberOf, reference: referenceOf };

/** How each column is read, found out once. */
const READ = Object.fromEntries(COLUMNS.map((column) => [column, readerOf(column)])) as Record<Column, Read>;

function readerOf(column: Column): Read {
  if (column === "before" || column === "after" || column === "captured")
    return (value, of) => jsonOf(column, value, of);
  if (column === "undo") return (value) => (value === null ? null : undoOf(parsed(value)));
  if (column === "drill") return (value) => Number(value) === 1;
  const words = WORDS[column];
  const needed = NEVER_NULL.has(column) || words !== undefined;
  const read = OTHERS[column] ?? (TIMES.has(column) ? timeOf : (value: unknown) => textIn(value, words));
  return (value, of) => {
    if (value !== null) return read(value, of);
    if (needed) throw new LedgerError("is missing");
    return null;
  };
}

function jsonOf(column: SealedColumn, value: unknown, of: Of): unknown {
  if (value === null) return undefined;
  const json = parsed(value);
  if (typeof value === "string" && !mayHoldMark(value)) return json;
  of.sealed ||= holdsSealed(json);
  return of.seal.open(of.id, column, json);
}

function textIn(value: unknown, words: readonly string[] | undefined): string {
  if (typeof value !== "string") throw new LedgerError("is not text");
  if (words?.includes(value) === false) throw new LedgerError(`is ${JSON.stringify(value)}, which it cannot be`);
  return value;
}

function referenceOf(value: unknown, of: Of): string {
  const text = textIn(value, undefined);
  if (!isMarkText(text)) return text;
  of.sealed = true;
  const opened = of.seal.open(of.id, "reference", parsed(text));
  return typeof opened === "string" ? opened : text;
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(String(value)) as unknown;
  } catch {
    throw new LedgerError("is not JSON");
  }
}

function undoOf(value: unknown): unknown {
  if (typeof value === "object" && value !== null && "form" in value) return value;
  throw new LedgerError("names no form");
}

/** Drivers give integers as number, bigint or text. */
function numberOf(value: unknown): number {
  const number = typeof value === "string" && value.trim() === "" ? NaN : Number(value);
  if (!Number.isSafeInteger(number)) throw new LedgerError("is not a whole number");
  return number;
}

function timeOf(value: unknown): number {
  const time = numberOf(value);
  if (!isMoment(time)) throw new LedgerError("is no time that a calendar has");
  return time;
}
