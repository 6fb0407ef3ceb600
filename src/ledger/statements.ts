import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { ACTIONS, type Column } from "./record.ts";
import { ENDED, INSERTED } from "./row.ts";

/** The statements of the recording path, for so many rows at once; each is prepared once a connection. */

export type Many = (rows: number) => string;

const q = (dialect: Dialect, column: string): string => quoteName(dialect, column);

/** `(?, ?), (?, ?)`, numbered where the dialect numbers them. */
function tuples(rows: number, columns: number, place: (index: number, column: number) => string): string {
  const tuple = (row: number): string =>
    `(${Array.from({ length: columns }, (_, column) => place(row * columns + column + 1, column)).join(", ")})`;
  return Array.from({ length: rows }, (_, row) => tuple(row)).join(", ");
}

/** Remembers what it made: the text of sixty-four rows is long. */
function remembered(make: Many): Many {
  const made = new Map<number, string>();
  return (rows) => {
    const text = made.get(rows) ?? make(rows);
    made.set(rows, text);
    return text;
  };
}

/** Rows of `INSERTED`, as `started`. */
export function insertActions(dialect: Dialect): Many {
  const columns = [...INSERTED, "status", "undo_status"].map((column) => q(dialect, column)).join(", ");
  const last = INSERTED.length - 1;
  const place = (index: number, column: number): string =>
    `${dialect === "postgres" ? `$${index}` : "?"}${column === last ? ", 'started', 'none'" : ""}`;
  return remembered((rows) => `insert into ${ACTIONS} (${columns}) values ${tuples(rows, INSERTED.length, place)}`);
}

const TIMES: ReadonlySet<Column> = new Set<Column>(["ended_at", "undo_until"]);
const KEPT: ReadonlySet<Column> = new Set<Column>(["after", "reference", "captured", "undo_until"]);

/**
 * Ends rows of `ENDED`, each once; the same end again changes nothing, so that one whose answer was lost may be repeated.
 * What an end leaves out stays.
 */
export function endActions(dialect: Dialect): Many {
  const set = ENDED.slice(1).map((column) => {
    const [target, given] = [q(dialect, column), `v.${q(dialect, column)}`];
    const old = `${ACTIONS}.${target}`;
    return `${dialect === "mysql" ? old : target} = ${KEPT.has(column) ? `coalesce(${given}, ${old})` : given}`;
  });
  const same = `${ACTIONS}.status = v.status and ${ACTIONS}.ended_at = v.ended_at`;
  const where = `${ACTIONS}.id = v.id and (${ACTIONS}.status = 'started' or (${same}))`;
  const names = ENDED.map((column) => q(dialect, column)).join(", ");
  return remembered((rows) => {
    if (dialect === "mysql") {
      const given = Array.from({ length: rows }, () => `select ${MYSQL_GIVEN}`).join(" union all ");
      return `update ${ACTIONS} join (${given}) v on ${ACTIONS}.id = v.id set ${set.join(", ")} where ${where}`;
    }
    const place = (index: number, column: number): string => {
      if (dialect === "sqlite") return "?";
      const name = ENDED[column];
      return `$${index}::${name !== undefined && TIMES.has(name) ? "bigint" : "text"}`;
    };
    const values = `values ${tuples(rows, ENDED.length, place)}`;
    return `with v (${names}) as (${values}) update ${ACTIONS} set ${set.join(", ")} from v where ${where}`;
  });
}

/** An end alone in MySQL, where joining one given row would make a table of it first; with which value goes where. */
export function endAlone(): { text: string; order: readonly number[] } {
  const set = ENDED.slice(1).map((column) => {
    const target = q("mysql", column);
    return `${target} = ${KEPT.has(column) ? `coalesce(?, ${target})` : "?"}`;
  });
  const text = `update ${ACTIONS} set ${set.join(", ")} where id = ? and (status = 'started' or (status = ? and ended_at = ?))`;
  const at = (column: (typeof ENDED)[number]): number => ENDED.indexOf(column);
  return { text, order: [...ENDED.slice(1).map(at), at("id"), at("status"), at("ended_at")] };
}

/** Parameters have the connection's collation, under which no index of ours would be found. */
const MYSQL_GIVEN = ENDED.map((column) =>
  TIMES.has(column)
    ? `cast(? as signed) as ${q("mysql", column)}`
    : `cast(? as char character set utf8mb4) collate utf8mb4_bin as ${q("mysql", column)}`,
).join(", ");
