import { isUtf8 } from "node:buffer";
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
      `case typeof(${quoted}) when 'text' then ${ENCODING} else typeof(${quoted}) end`,
      `case typeof(${quoted}) when 'text' then ${bytesOf(quoted)} else ${quoted} end`,
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
      // Held against text a decimal becomes a float, and finds its neighbours.
      const decimal = type === "decimal" ? DECIMAL.exec(cell ?? "") : null;
      if (decimal) return { sql: `cast(${place} as decimal(65, ${decimal[1]?.length ?? 0}))`, parameter: cell };
      // As text a year of 0 would be 2000.
      return { sql: type === "bit" || type === "year" ? `cast(${place} as unsigned)` : place, parameter: cell };
    },
  },
};

const DECIMAL = /^-?\d+(?:\.(\d+))?$/;

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

/**
 * Text of SQLite's leaves it as its bytes: the driver cuts it at a NUL, and ends the whole process, which is the agent's,
 * at bytes that are no UTF-8. SQLite keeps whatever bytes it was given as text.
 */
const bytesOf = (quoted: string): string => `hex(cast(${quoted} as blob))`;

/** The expression for what these bytes are: `UTF-8`, `UTF-16le` or `UTF-16be`, for the whole file. */
export const ENCODING = "(select encoding from pragma_encoding)";

/** Text as people read it; in hexadecimal where it has a NUL in it or is not well formed. */
function textLiteral(encoding: string, hex: string): string {
  const text = wellFormed(encoding, Buffer.from(hex, "hex"));
  return text === null || text.includes("\0") ? `t'${hex.toLowerCase()}'` : `'${text.replaceAll("'", "''")}'`;
}

function wellFormed(encoding: string, bytes: Buffer): string | null {
  if (encoding === "UTF-8") return isUtf8(bytes) ? bytes.toString() : null;
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function literalOf(type: string, value: Value): Cell {
  if (value === null) return null;
  if (type.startsWith("UTF-")) return textLiteral(type, String(value));
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

const TEXT = "t";

/** The expression for a value of SQLite's as text; `cellOfText` makes the cell of it, and a real number is only named. */
export const textExpression = (quoted: string): string =>
  `case typeof(${quoted}) when 'real' then '${REAL_TEXT}' when 'text' then '${TEXT}' || ${bytesOf(quoted)} else quote(${quoted}) end`;

export const hasReal = (texts: readonly string[]): boolean => texts.includes(REAL_TEXT);

export function cellOfText(text: string, encoding: string): Cell {
  if (text === "NULL") return null;
  if (text.startsWith(TEXT)) return textLiteral(encoding, text.slice(TEXT.length));
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
