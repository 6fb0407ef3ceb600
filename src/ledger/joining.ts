import type { Dialect, Parameter } from "../databases/database.ts";
import { LedgerError, type Transaction } from "./ledger.ts";

/** Runs one statement within a transaction that the caller began, and answers how many rows it met. */
export type JoinedRun = (statement: string, parameters: readonly Parameter[]) => Promise<number>;

type Method = (...given: readonly unknown[]) => unknown;

/** Throws LedgerError for an object that is no transaction of this dialect's driver. */
export function joinedRun(dialect: Dialect, transaction: Transaction): JoinedRun {
  switch (dialect) {
    case "sqlite":
      return inSqlite(transaction);
    case "postgres":
      return inPostgres(transaction);
    case "mysql":
      return inMysql(transaction);
  }
}

function methodOf(object: object, name: string): Method | null {
  const found: unknown = Reflect.get(object, name);
  return typeof found === "function" ? (...given) => Reflect.apply(found, object, given) as unknown : null;
}

function inSqlite(transaction: object): JoinedRun {
  const prepare = methodOf(transaction, "prepare");
  if (prepare === null) throw wrong("a database of libsql, better-sqlite3 or node:sqlite");
  return async (statement, parameters) => {
    const run = methodOf(prepare(statement) as object, "run");
    if (run === null) throw wrong("a database of libsql, better-sqlite3 or node:sqlite");
    return Number((run(...parameters) as { changes?: unknown }).changes);
  };
}

/** A pool gives each statement to any of its connections, and so to none that has the transaction. */
const isPool = (transaction: object): boolean => "totalCount" in transaction || "getConnection" in transaction;

function inPostgres(transaction: object): JoinedRun {
  const query = methodOf(transaction, "query");
  if (query === null || isPool(transaction)) throw wrong("the pg client that the transaction runs on");
  return async (text, values) => Number(((await query(text, [...values])) as { rowCount?: unknown }).rowCount);
}

function inMysql(transaction: object): JoinedRun {
  if (isPool(transaction)) throw wrong("the mysql2 connection that the transaction runs on");
  // The form with callbacks carries the one with promises.
  const promised = methodOf(transaction, "promise")?.();
  const connection = typeof promised === "object" && promised !== null ? promised : transaction;
  const execute = methodOf(connection, "execute");
  if (execute === null) throw wrong("the mysql2 connection that the transaction runs on");
  return async (statement, parameters) => {
    const [answer] = (await execute(statement, [...parameters])) as [{ affectedRows?: unknown }];
    return Number(answer.affectedRows);
  };
}

const wrong = (expected: string): LedgerError =>
  new LedgerError(`the transaction of a joining action must be ${expected}`);
