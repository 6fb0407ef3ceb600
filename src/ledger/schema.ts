import type { Dialect } from "../databases/database.ts";
import { quoteName } from "../databases/identifiers.ts";
import { ACTIONS, COLUMNS, META, RUNS, type Column } from "./record.ts";

/** What stands in `clawproof_meta` under `schema`. */
export const SCHEMA_VERSION = 1;

/** How a dialect spells the types of our columns. Text compares byte by byte in all three, so that an index finds it. */
interface Types {
  id: string;
  word: string;
  text: string;
  json: string;
  time: string;
  flag: string;
}

const TYPES: Record<Dialect, Types> = {
  sqlite: { id: "text", word: "text", text: "text", json: "text", time: "integer", flag: "integer" },
  postgres: {
    id: 'text collate "C"',
    word: 'text collate "C"',
    text: 'text collate "C"',
    json: "text",
    time: "bigint",
    flag: "smallint",
  },
  mysql: {
    id: "varchar(32)",
    word: "varchar(16)",
    text: "text",
    json: "longtext",
    time: "bigint",
    flag: "smallint",
  },
};

const KINDS: Record<Column, [kind: keyof Types, rest?: string]> = {
  id: ["id", "not null primary key"],
  trace_id: ["text", "not null"],
  agent: ["text", "not null"],
  version: ["text"],
  type: ["text", "not null"],
  effect: ["word", "not null"],
  target: ["text"],
  subject: ["text"],
  epoch: ["time"],
  drill: ["flag", "not null"],
  status: ["word", "not null"],
  before: ["json"],
  after: ["json"],
  reference: ["json"],
  undo: ["json"],
  captured: ["json"],
  started_at: ["time", "not null"],
  ended_at: ["time"],
  undo_class: ["word", "not null"],
  residue: ["json"],
  undo_until: ["time"],
  undo_status: ["word", "not null"],
  undo_run: ["id"],
  undone_at: ["time"],
  undo_error: ["json"],
};

/** A trace, a type, a target and a subject, each newest first, and a window of time. */
const INDEXED: readonly (readonly Column[])[] = [
  ["trace_id", "started_at"],
  ["type", "started_at"],
  ["target", "started_at"],
  ["subject", "started_at"],
  ["started_at"],
];
/** MySQL indexes the beginning of a text; so much of it fits into every version's longest key. */
const INDEXED_CHARACTERS = 128;

/** The statements that make version 1, each of which does nothing where it was made already. */
export function tables(dialect: Dialect): string[] {
  const types = TYPES[dialect];
  const quote = (name: string): string => quoteName(dialect, name);
  const made = (table: string, lines: string[]): string => {
    const after = dialect === "mysql" ? " engine=InnoDB default charset=utf8mb4 collate=utf8mb4_bin" : "";
    return `create table if not exists ${quote(table)} (${lines.join(", ")})${after}`;
  };
  const actions = COLUMNS.map((column) => {
    const [kind, rest = ""] = KINDS[column];
    return `${quote(column)} ${types[kind]} ${rest}`.trimEnd();
  });
  const inline = dialect === "mysql" ? INDEXED.map((columns) => `index ${indexOf(dialect, columns)}`) : [];
  return [
    made(META, [
      `${quote("key")} ${dialect === "mysql" ? "varchar(128)" : types.text} not null primary key`,
      `${quote("value")} ${types.json} not null`,
    ]),
    made(RUNS, [
      `${quote("id")} ${types.id} not null primary key`,
      `${quote("owner")} ${types.text} not null`,
      `${quote("plan")} ${types.text}`,
      `${quote("started_at")} ${types.time} not null`,
      `${quote("heartbeat")} ${types.time} not null`,
      `${quote("ended_at")} ${types.time}`,
    ]),
    made(ACTIONS, [...actions, ...inline]),
    ...(dialect === "mysql"
      ? []
      : INDEXED.map((columns) => `create index if not exists ${indexOf(dialect, columns, quote(ACTIONS))}`)),
  ];
}

function indexOf(dialect: Dialect, columns: readonly Column[], on?: string): string {
  const quote = (name: string): string => quoteName(dialect, name);
  const parts = columns.map((column) =>
    dialect === "mysql" && KINDS[column][0] === "text" ? `${quote(column)}(${INDEXED_CHARACTERS})` : quote(column),
  );
  const name = quote(`${ACTIONS}_by_${columns[0] ?? ""}`);
  return `${name}${on === undefined ? "" : ` on ${on}`} (${parts.join(", ")})`;
}
