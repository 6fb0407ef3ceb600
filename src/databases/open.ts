import { describeDatabase, dialectOf } from "./address.ts";
import {
  type Connection,
  type Database,
  DatabaseFailed,
  type Dialect,
  type Driver,
  type OpenOptions,
  type Parameter,
  type Value,
} from "./database.ts";
import { within } from "./deadline.ts";
import { quoteIdentifier } from "./identifiers.ts";
import { refuseAllButOneRead } from "./one-read.ts";

const DRIVERS: Record<Dialect, () => Promise<Driver>> = {
  sqlite: async () => (await import("./sqlite.ts")).sqlite,
  postgres: async () => (await import("./postgres.ts")).postgres,
  mysql: async () => (await import("./mysql.ts")).mysql,
};

/**
 * Opens `sqlite:PATH`, `postgres://…` or `mysql://…`. Read-only holds whatever a statement tries: the connection, a
 * transaction around each statement and a look at the statement itself each forbid writing. What a superuser's function
 * does outside the database (PostgreSQL's lo_export, dblink) only the server can forbid: give the audit a role that may
 * read. Throws DatabaseFailed.
 */
export async function openDatabase(url: string, options: OpenOptions): Promise<Database> {
  const dialect = dialectOf(url);
  const driver = await DRIVERS[dialect]();
  const told = new Told(driver, url, options);
  let destroy = (): void => undefined;
  const connection = await told.within(
    () => destroy(),
    () => driver.connect(url, options, (later) => (destroy = later)),
  );
  return new OpenDatabase(dialect, connection, told, options.mode === "read-only");
}

/** Runs a driver's work within the time limit, and tells its errors in words that hold no secret. */
class Told {
  readonly url: string;
  readonly #driver: Driver;
  readonly #options: OpenOptions;

  constructor(driver: Driver, url: string, options: OpenOptions) {
    this.#driver = driver;
    this.url = url;
    this.#options = options;
  }

  async within<T>(end: () => void, start: () => Promise<T>): Promise<T> {
    const { statementTimeoutMs: limitMs, signal, secrets } = this.#options;
    try {
      return await within({ limitMs, graceMs: this.#driver.graceMs, signal, end }, start);
    } catch (error) {
      throw new DatabaseFailed(secrets.redact(hidePassword(this.#words(error, limitMs), this.url)));
    }
  }

  #words(error: unknown, limitMs: number): string {
    if (error instanceof DatabaseFailed) return error.why;
    const words = this.#driver.words(error, { url: this.url, limitMs });
    return words ?? (error instanceof Error ? error.message : String(error));
  }
}

/** A password that stands in the URL itself is no secret of the configuration, and is hidden all the same. */
function hidePassword(text: string, url: string): string {
  const password = URL.canParse(url) ? new URL(url).password : "";
  if (password.length < 4) return text;
  return text.replaceAll(decoded(password), "…").replaceAll(password, "…");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray per cent sign: then the drivers cannot have decoded it either.
    return text;
  }
}

class OpenDatabase implements Database {
  readonly dialect: Dialect;
  readonly shown: string;
  readonly #connection: Connection;
  readonly #told: Told;
  readonly #readOnly: boolean;
  /** The end of the statement before: a connection has one transaction at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(dialect: Dialect, connection: Connection, told: Told, readOnly: boolean) {
    this.dialect = dialect;
    this.shown = describeDatabase(told.url);
    this.#connection = connection;
    this.#told = told;
    this.#readOnly = readOnly;
  }

  async query<Row extends object = Record<string, Value>>(
    sql: string,
    parameters: readonly Parameter[] = [],
  ): Promise<Row[]> {
    if (this.#readOnly) refuseAllButOneRead(this.dialect, sql);
    const answer = this.#last.then(() =>
      this.#told.within(
        () => this.#connection.destroy(),
        () => this.#connection.run(sql, parameters),
      ),
    );
    // The next statement may run whatever became of this one.
    this.#last = answer.catch(() => undefined);
    // What a row holds is the caller's knowledge: it wrote the statement.
    return (await answer) as Row[];
  }

  quote(identifier: string): string {
    return quoteIdentifier(this.dialect, identifier);
  }

  async close(): Promise<void> {
    await this.#last;
    // Nothing depends on how a connection ends that only read, and a broken one is closed already.
    await this.#connection.close().catch(() => this.#connection.destroy());
  }
}
