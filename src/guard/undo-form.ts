import { resolve } from "node:path";
import type { RecordedUndo, UndoClass, UndoForm } from "../ledger/record.ts";
import type { UndoFunction } from "../rollback/undo-function.ts";
import { checkMembers, shown } from "./given.ts";
import type { ActionUndo, CompensatingUndo, SqlUndo, UndoKey } from "./undo-types.ts";

const COMPENSATING = ["http", "command", "module"] as const;
const BESIDE = ["state", "idempotent", "residue"];

/** An action's `undo`, taken apart once. */
export interface ReadUndo {
  form: UndoForm | null;
  class: UndoClass;
  residue: string | null;
  /** As the ledger keeps it for other processes; null for a function, and for none. */
  kept: Readonly<Record<string, unknown>> | null;
  run: UndoFunction | null;
  sql: (SqlUndo<never>["sql"] & { database: string }) | null;
}

/** Reads what an action says under `undo`. Throws TypeError naming what is wrong. */
export function readUndo(type: string, undo: ActionUndo<never> | undefined): ReadUndo {
  const nothing = { kept: null, run: null, sql: null, residue: null };
  if (undo === undefined) return { ...nothing, form: null, class: "unknown" };
  if (typeof undo === "function") {
    return { ...nothing, form: "function", class: "compensable", run: undo, residue: undo.residue ?? null };
  }
  if (typeof undo !== "object" || (undo as unknown) === null) {
    throw new TypeError(`undo of ${type} must be a function or one of sql, http, command, module, irreversible`);
  }
  if ("irreversible" in undo) {
    checkMembers(`undo of ${type}`, undo, ["irreversible"]);
    if (typeof undo.irreversible !== "string" || undo.irreversible === "") {
      throw new TypeError(`undo.irreversible of ${type} must say what a person must do`);
    }
    return { ...nothing, form: "irreversible", class: "irreversible", kept: { irreversible: undo.irreversible } };
  }
  if ("sql" in undo) {
    checkMembers(`undo of ${type}`, undo, ["sql", "residue"]);
    return { ...nothing, ...readSql(type, undo) };
  }
  const forms = COMPENSATING.filter((form) => undo[form] !== undefined);
  const [form] = forms;
  if (form === undefined || forms.length > 1) {
    throw new TypeError(
      `undo of ${type} must be a function or exactly one of sql, http, command, module, irreversible`,
    );
  }
  checkMembers(`undo of ${type}`, undo, [form, ...BESIDE]);
  checkCompensating(type, undo);
  return { ...nothing, form, class: "compensable", residue: undo.residue ?? null, kept: { ...undo } };
}

/** What is kept is read by others, later: on the day that it is needed it would be too late to hear that it cannot be. */
function checkCompensating(type: string, { http, command, module }: CompensatingUndo): void {
  if (
    http !== undefined &&
    (typeof http !== "object" || typeof (http as unknown as { url?: unknown } | null)?.url !== "string")
  ) {
    throw new TypeError(`undo.http of ${type} must be a request, as { url, method, json }, not ${shown(http)}`);
  }
  const isCommand = Array.isArray(command) && command.length > 0 && command.every((one) => typeof one === "string");
  if (command !== undefined && !isCommand) {
    throw new TypeError(`undo.command of ${type} must be a list of a program and its arguments, not ${shown(command)}`);
  }
  if (module !== undefined && (typeof module !== "string" || module === "")) {
    throw new TypeError(`undo.module of ${type} must be a file and a function, as "./undo.mjs#restore"`);
  }
}

/** The key that an action gave with its input. Throws TypeError for one that would find no row, and so capture none. */
export function readKey(type: string, key: unknown): UndoKey {
  if (typeof key !== "object" || key === null || Array.isArray(key)) {
    throw new TypeError(`undo.sql.key of ${type} must give the values of columns, as { id: 7 }, not ${shown(key)}`);
  }
  for (const [column, value] of Object.entries(key)) {
    const isValue = value === null || ["string", "bigint", "boolean"].includes(typeof value) || Number.isFinite(value);
    if (!isValue) throw new TypeError(`undo.sql.key of ${type} gives no value for ${column}: ${shown(value)}`);
  }
  return key as UndoKey;
}

/** A name that others gave to something, which may be a number. Throws TypeError for what is none. */
export function nameOf(what: string, name: unknown): string | null {
  if (name === null || name === undefined) return null;
  if (typeof name === "string" || typeof name === "number" || typeof name === "bigint") return String(name);
  throw new TypeError(`${what} must be text, not ${shown(name)}`);
}

/** What a row keeps of it. */
export function recordedUndo({ form }: ReadUndo, key: UndoKey | null): RecordedUndo | null {
  if (form === null) return null;
  if (key === null) return { form };
  const cells = Object.entries(key).map(([name, value]) => [name, typeof value === "bigint" ? String(value) : value]);
  return { form, key: Object.fromEntries(cells) as NonNullable<RecordedUndo["key"]> };
}

function readSql(type: string, { sql, residue }: SqlUndo<never>) {
  checkMembers(`undo.sql of ${type}`, sql, ["database", "table", "key", "ignore"]);
  const { database, table, key, ignore } = sql;
  if (typeof database !== "string" || typeof table !== "string" || table === "") {
    throw new TypeError(`undo.sql of ${type} needs database, table and key`);
  }
  if (typeof key !== "function") {
    throw new TypeError(`undo.sql.key of ${type} must be a function of the input, not ${shown(key)}`);
  }
  return {
    form: "sql" as const,
    class: "reversible" as const,
    residue: residue ?? null,
    sql: { database: absolute(database), table, key, ...(ignore === undefined ? {} : { ignore }) },
  };
}

/** How `sql` is kept: with the names of the key's columns, and without a password. */
export function keptSql(sql: NonNullable<ReadUndo["sql"]>, key: UndoKey, residue: string | null): object {
  const { database, table, ignore } = sql;
  return {
    sql: { database: withoutPassword(database), table, key: Object.keys(key), ...(ignore && { ignore: [...ignore] }) },
    ...(residue === null ? {} : { residue }),
  };
}

/** Another process may run elsewhere. */
function absolute(database: string): string {
  const path = /^sqlite:(.*)$/s.exec(database.trim())?.[1];
  return path === undefined ? database : `sqlite:${resolve(path)}`;
}

/** As a database is kept. */
export function withoutPassword(database: string): string {
  if (database.startsWith("sqlite:") || !URL.canParse(database)) return database;
  const url = new URL(database);
  url.password = "";
  return url.href;
}
