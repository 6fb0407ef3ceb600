import type { Database, OpenOptions } from "../../src/databases/database.ts";
import { DatabaseFailed } from "../../src/databases/database.ts";
import { openDatabase } from "../../src/databases/open.ts";
import type { Secrets } from "../../src/config/secrets.ts";

/** No secrets, so nothing to hide. */
export const NO_SECRETS: Secrets = {
  get: (name) => Promise.reject(new Error(`${name} is not set`)),
  has: () => Promise.resolve(false),
  redact: (text) => text,
};

/** Opens a database for a test, read-only unless it says otherwise, and closes it afterwards. */
export async function using<T>(
  url: string,
  options: Partial<OpenOptions>,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(url, {
    mode: "read-only",
    statementTimeoutMs: 10_000,
    directory: "/",
    secrets: NO_SECRETS,
    ...options,
  });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** What a failing piece of work says; it must be a known failure, in words. */
export async function whyOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DatabaseFailed) return error.why;
    throw error;
  }
  throw new Error("it did not fail");
}
