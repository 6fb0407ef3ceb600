import Libsql from "libsql";

/** The rows that every suite reads: by type, what undoing needs, and what is missing. */
export const COLUMNS = {
  trace: "trace_id",
  type: "action_type",
  previous: "previous_value",
  reference: "external_id",
  at: "created_at",
};

/** `[id, trace_id, action_type, previous_value, external_id, created_at]` */
export type Row = readonly [number, string | null, string | null, string | null, string | null, string | null];

export const ROWS: readonly Row[] = [
  [1, "trace-1", "db_update", '{"plan":"pro"}', null, "2026-11-22T05:00:00.000Z"],
  [2, "trace-1", "email_send", null, "msg-1", "2026-11-22T05:00:01.000Z"],
  [3, "trace-2", "db_update", "null", "", "2026-11-22T05:30:00.000Z"],
  [4, "trace-3", "db_update", "", "ref-3", "2026-11-22T05:45:00.000Z"],
  [5, "trace-4", "subscription_update", null, "", "2026-11-22T05:50:00.000Z"],
  [6, null, "subscription_update", "basic", "", "2026-11-22T05:55:00.000Z"],
  [7, "trace-5", null, "basic", null, null],
];

const literal = (value: string | number | null): string =>
  value === null ? "null" : typeof value === "number" ? String(value) : `'${value}'`;

/** The statements that make a table with these rows; the types are the dialect's own. */
export function tableWith(name: string, json: string, time: string, rows: readonly Row[] = ROWS): string[] {
  const columns = `id int, trace_id varchar(40), action_type varchar(40), previous_value ${json}, external_id varchar(40), created_at ${time}`;
  const values = rows.map((row) => `(${row.map(literal).join(", ")})`);
  return [`create table ${name} (${columns})`, `insert into ${name} values ${values.join(", ")}`];
}

/** A SQLite file made by these statements. */
export function createSqlite(file: string, ...statements: string[]): void {
  const database = new Libsql(file);
  for (const statement of statements) database.exec(statement);
  database.close();
}
