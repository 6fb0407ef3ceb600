import { isUtf8 } from "node:buffer";
import type { Database } from "libsql";

/** Rows that are looked at together. */
const AT_ONCE = 1_000;

/** Where each table's texts are. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  meta: ["key", "value"],
  orders: ["scope", "cause", "entry"],
  tokens: ["id", "name", "hash", "roles", "agent", "created_at", "created_by", "expires_at", "revoked_at"],
  answers: ["token_id", "key", "request", "answer"],
  instances: ["agent", "instance", "seen"],
};
const MADE_LATER: typeof TEXTS = { outbox: ["route", "name", "news"] };

/** Why the file cannot be used; null where it can. Throws what SQLite throws where it cannot read the file at all. */
export function damageOf(database: Database): string | null {
  // Not the quick one, which looks at no index: a damaged one would be met later, in the middle of an order.
  const [check] = database.pragma("integrity_check") as { integrity_check: string }[];
  if (check?.integrity_check !== "ok") return check?.integrity_check ?? "no answer";
  return isReadable(database) ? null : "a text in it is no UTF-8";
}

/** SQLite takes a text for what it is, but libsql ends the process where it is to hand over one that is no UTF-8. */
function isReadable(database: Database): boolean {
  const isText = (texts: string, from: string, ...values: number[]): boolean => {
    const sql = `SELECT CAST(group_concat(${texts}) AS BLOB) AS bytes FROM ${from}`;
    const { bytes } = database.prepare(sql).get(...values) as { bytes: Buffer | null };
    return bytes === null || isUtf8(bytes);
  };
  if (!isText("name || ',' || coalesce(sql, '')", "sqlite_master")) return false;
  const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?");
  const later = Object.entries(MADE_LATER).filter(([table]) => isThere.get(table) !== undefined);
  const tables = [...Object.entries(TEXTS), ...later];
  const joined = (columns: readonly string[]): string =>
    columns.map((name) => `coalesce(${name}, '')`).join(" || ',' || ");
  if (!tables.every(([table, columns]) => isText(joined(columns), table))) return false;
  const { last } = database.prepare("SELECT coalesce(max(seq), 0) AS last FROM log").get() as { last: number };
  for (let seq = 0; seq <= last; seq += AT_ONCE) {
    if (!isText(joined(["scope", "entry"]), "log WHERE seq >= ? AND seq < ?", seq, seq + AT_ONCE)) return false;
  }
  return true;
}
