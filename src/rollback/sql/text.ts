import type { Dialect, Parameter, Value } from "../../databases/database.ts";
import type { Column } from "./catalog.ts";
import type { Cell } from "./image.ts";

/**
 * Values as text in the database's own form, from which the same value can be made again, bit for bit. SQLite's columns
 * take values of any type, so its text is a literal (`5`, `5.0`, `'five'`, `x'05'`); the servers' is what they print.
 */
export interface TextForm {
  /** How many expressions one column takes in a select. */
  width: number;
  /** The expressions that read a quoted column. */
  read(column: Column, quoted: string): string[];
  decode(column: Column, values: readonly (Value | undefined)[]): Cell;
  /** The expression that makes the value again around a placeholder, and what stands in its place. */
  write(column: Column, cell: Cell, place: string): { sql: string; parameter: Parameter };
}

export const textForm = (dialect: Dialect): TextForm => FORMS[dialect];

const FORMS: Record<Dialect, TextForm> = {
  sqlite: {
    width: 2,
    read: (_, quoted) => [
      // Text with a NUL in it would be cut there by the driver.
      `case when typeof(${quoted}) = 'text' and instr(${quoted}, char(0)) > 0 then 'hex' else typeof(${quoted}) end`,
      `case when typeof(${quoted}) = 'text' and instr(${quoted}, char(0)) > 0 then hex(cast(${quoted} as blob)) else ${quoted} end`,
    ],
    decode: (_, [type, value]) => literalOf(String(type), value ?? null),
    write: (_, cell, place) => parameterOf(cell, place),
  },
  postgres: {
    width: 1,
    read: (_, quoted) => [`${quoted}::text`],
    decode: (_, [value]) => (value === null || value === undefined ? null : String(value)),
    // Of no type of its own it becomes of the column's.
    write: (_, cell, place) => ({ sql: place, parameter: cell }),
  },
  mysql: {
    width: 1,
    read: ({ type }, quoted) => {
      if (BYTES.has(type)) return [`hex(${quoted})`];
      return [type === "bit" ? `cast(${quoted} as unsigned)` : quoted];
    },
    decode: (_, [value]) => (value === null || value === undefined ? null : String(value)),
    write: ({ type }, cell, place) => {
      if (BYTES.has(type)) return { sql: `unhex(${place})`, parameter: cell };
      return { sql: type === "bit" ? `cast(${place} as unsigned)` : place, parameter: cell };
    },
  },
};

/** MySQL's types that are bytes and no text. */
const BYTES = new Set([
  "binary",
  "varbinary",
  "tinyblob",
  "blob",
  "mediumblob",
  "longblob",
  "geometry",
  "point",
  "linestring",
  "polygon",
  "multipoint",
  "multilinestring",
  "multipolygon",
  "geometrycollection",
]);

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function literalOf(type: string, value: Value): Cell {
  if (value === null) return null;
  if (type === "hex") return `t'${String(value).toLowerCase()}'`;
  if (type === "text") return `'${String(value).replaceAll("'", "''")}'`;
  if (type === "real") return realLiteral(Number(value));
  // The driver gives bytes as an ArrayBuffer.
  if (typeof value === "object") return `x'${hexOf(new Uint8Array(value))}'`;
  return String(value);
}

/** Always with a point or an exponent, which tell it from an integer. */
function realLiteral(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "9e999" : "-9e999";
  const written = Object.is(value, -0) ? "-0" : String(value);
  return /[.e]/.test(written) ? written : `${written}.0`;
}

/** So many columns fit into one `json_array`. */
export const MOST_AS_TEXT = 100;
const REAL_TEXT = "real";

/** The expression for a value of SQLite's as text; `cellOfText` makes the cell of it, and a real number is only named. */
export function textExpression(quoted: string): string {
  // `quote` would cut text with a NUL in it.
  const text = `case when instr(${quoted}, char(0)) > 0 then 't''' || lower(hex(${quoted})) || '''' else quote(${quoted}) end`;
  return `case typeof(${quoted}) when 'real' then '${REAL_TEXT}' when 'text' then ${text} else quote(${quoted}) end`;
}

export const hasReal = (texts: readonly string[]): boolean => texts.includes(REAL_TEXT);

export function cellOfText(text: string): Cell {
  if (text === "NULL") return null;
  return text.startsWith("X'") ? text.toLowerCase() : text;
}

/** Whether a cell of SQLite's is a parameter as it is. */
export const isPlain = (cell: Cell): boolean => cell === null || !cell.startsWith("t'");

/** PostgreSQL's types whose arrays take their text apart into the same values. */
const IN_ARRAYS = new Set([
  "smallint",
  "integer",
  "bigint",
  "numeric",
  "real",
  "double precision",
  "boolean",
  "text",
  "character varying",
  "uuid",
  "date",
  "timestamp without time zone",
  "timestamp with time zone",
  "json",
  "jsonb",
  "bytea",
]);

/** What an array of a column's values is cast to; null where they had better stand alone. */
export const arrayType = ({ type }: Column): string | null => (IN_ARRAYS.has(type) ? type : null);

const JSON_INTEGER = /^(?:0|-?[1-9]\d{0,17})$/;

/** Cells as a JSON list that `json_each` takes apart into the same values; null where one is neither text nor an integer. */
export function jsonOfCells(cells: readonly Cell[]): string | null {
  const items: string[] = [];
  for (const cell of cells) {
    if (cell === null) return null;
    if (JSON_INTEGER.test(cell)) items.push(cell);
    else if (cell.startsWith("'") && cell.endsWith("'") && cell.length > 1)
      items.push(JSON.stringify(cell.slice(1, -1).replaceAll("''", "'")));
    else return null;
  }
  return `[${items.join()}]`;
}

const INTEGER = /^-?\d{1,19}$/;
const REAL = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;
const BLOB = /^([xt])'((?:[0-9a-f]{2})*)'$/;

/** Throws RangeError for what is no literal: a row of the ledger that was damaged. */
function parameterOf(cell: Cell, place: string): { sql: string; parameter: Parameter } {
  if (cell === null) return { sql: place, parameter: null };
  if (cell.startsWith("'") && cell.endsWith("'") && cell.length > 1)
    return { sql: place, parameter: cell.slice(1, -1).replaceAll("''", "'") };
  const [, form, hex] = BLOB.exec(cell) ?? [];
  if (hex !== undefined)
    return { sql: form === "t" ? `cast(${place} as text)` : place, parameter: Buffer.from(hex, "hex") };
  if (INTEGER.test(cell)) return { sql: place, parameter: BigInt(cell) };
  // 9e999 becomes infinite, which is what it was.
  if (REAL.test(cell)) return { sql: place, parameter: Number(cell) };
  throw new RangeError(`${cell.slice(0, 40)} is no value of SQLite`);
}
