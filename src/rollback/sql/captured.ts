import type { Cell, Image, Row } from "./image.ts";
import { type Identity, rowId } from "./rows.ts";

/** The version of this form; another is not read. */
const VERSION = 1;

/**
 * What `captured` of an action record holds: the rows that the action was about, in the database's own text form, before
 * and after it. Rows are lists in the order of `columns`.
 */
export interface Captured {
  v: typeof VERSION;
  /** `schema.table` as the database spells it. */
  table: string;
  columns: readonly string[];
  /** Those that the database computes. */
  generated: readonly string[];
  /** The columns that tell rows apart: the primary key, or the key that was given where there is none. */
  identity: readonly string[];
  /** What was asked for. */
  key: Identity;
  before: readonly (readonly Cell[])[];
  /** Missing where the action never ended. */
  after?: readonly (readonly Cell[])[] | undefined;
}

/** What was captured, as text that an undo can compare; or why it cannot be read. */
export function readCaptured(value: unknown): Captured | { why: string } {
  if (!isMap(value)) return { why: "what was captured is not there" };
  const { v, table, columns, generated, identity, key, before, after } = value;
  if (v !== VERSION) return { why: `it was captured in a form that this version does not know (${String(v)})` };
  const isWhole =
    typeof table === "string" &&
    isNames(columns) &&
    isNames(generated) &&
    isNames(identity) &&
    identity.length > 0 &&
    identity.every((name) => columns.includes(name)) &&
    isMap(key) &&
    Object.values(key).every(isCell) &&
    isRows(before, columns.length) &&
    (after === undefined || isRows(after, columns.length));
  return isWhole ? (value as unknown as Captured) : { why: "what was captured is damaged" };
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === "string");
const isCell = (value: unknown): value is Cell => value === null || typeof value === "string";
const isRows = (value: unknown, width: number): boolean =>
  Array.isArray(value) &&
  value.every((row: unknown) => Array.isArray(row) && row.length === width && row.every(isCell));

/** Rows as an image, by what identifies them. */
export function imageOf({ table, columns, identity }: Captured, rows: readonly (readonly Cell[])[]): Image {
  const image = new Map<string, Row>();
  for (const cells of rows) {
    const row: Record<string, Cell> = {};
    for (const [index, name] of columns.entries()) row[name] = cells[index] ?? null;
    image.set(rowId(table, identity, row), row);
  }
  return image;
}

/** What finds each row of an image again. */
export function identitiesOf({ identity }: Captured, images: readonly Image[]): Map<string, Identity> {
  const found = new Map<string, Identity>();
  for (const image of images) {
    for (const [id, row] of image) {
      if (row === null || found.has(id)) continue;
      const cells: Record<string, Cell> = {};
      for (const name of identity) cells[name] = row[name] ?? null;
      found.set(id, cells);
    }
  }
  return found;
}

export const asImage = (
  { table, identity }: Pick<Captured, "table" | "identity">,
  rows: readonly NonNullable<Row>[],
): Map<string, Row> => new Map(rows.map((row) => [rowId(table, identity, row), row]));
