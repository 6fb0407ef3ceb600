import { describeDatabase, dialectOf } from "../address.ts";
import { DatabaseFailed, type Dialect, type Parameter } from "../database.ts";
import { within } from "../deadline.ts";
import { StatementRefused, type Run, type Writer, type WriterOptions } from "./writer.ts";
import type { WritingConnection, WritingDriver } from "./writer.ts";

const DRIVERS: Record<Dialect, () => Promise<WritingDriver>> = {
  sqlite: async () => (await import("./sqlite.ts")).sqliteWriting,
  postgres: async () => (await import("./postgres.ts")).postgresWriting,
  mysql: async () => (await import("./mysql.ts")).mysqlWriting,
};

/** Opens `sqlite:PATH`, `postgres://…` or `mysql://…` to write for as long as the program runs. Throws DatabaseFailed. */
export async function openWriter(url: string, options: WriterOptions): Promise<Writer> {
  const dialect = dialectOf(url);
  const writer = new OpenWriter(dialect, await DRIVERS[dialect](), url, options);
  await writer.connect();
  return writer;
}

class OpenWriter implements Writer {
  readonly dialect: Dialect;
  readonly shown: string;
  readonly #driver: WritingDriver;
  readonly #url: string;
  readonly #options: WriterOptions;
  #connection: WritingConnection | null = null;
  #closed = false;
  /** The end of the work before: a connection has one transaction at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(dialect: Dialect, driver: WritingDriver, url: string, options: WriterOptions) {
    this.dialect = dialect;
    this.shown = describeDatabase(url);
    this.#driver = driver;
    this.#url = url;
    this.#options = options;
  }

  connect(): Promise<void> {
    return this.#inTurn(async () => undefined);
  }

  run: Run = (statement, parameters) => this.#inTurn(({ run }) => run(statement, parameters));

  transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#inTurn((connection) => transact(connection, work));
  }

  unsynced(): Promise<string | null> {
    return this.#inTurn((connection) => connection.unsynced());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close().catch(() => connection.destroy());
  }

  #inTurn<T>(work: (connection: WritingConnection) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new DatabaseFailed("the database is closed"));
    const answer = this.#last.then(() => this.#attempt(work));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #attempt<T>(work: (connection: WritingConnection) => Promise<T>): Promise<T> {
    const limitMs = this.#options.timeoutMs;
    let destroy = (): void => this.#drop();
    try {
      return await within({ limitMs, graceMs: 0, end: () => destroy() }, async () => {
        if (this.#connection?.broken()) this.#drop();
        this.#connection ??= await this.#driver.connect(this.#url, this.#options, (later) => (destroy = later));
        destroy = () => this.#drop();
        return work(this.#connection);
      });
    } catch (error) {
      if (error instanceof CallersOwn) throw error.thrown;
      const refused = this.#driver.refused(error);
      // What broke may be half open, and a transaction in it half done.
      if (!refused) this.#drop();
      const why = this.#words(error, limitMs);
      throw refused ? new StatementRefused(why) : new DatabaseFailed(why);
    }
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }

  #words(error: unknown, limitMs: number): string {
    if (error instanceof DatabaseFailed) return error.why;
    const words = this.#driver.words(error, { url: this.#url, limitMs });
    return words ?? (error instanceof Error ? error.message : String(error));
  }
}

/** What the caller's work threw by itself: the database has no part in it, and was rolled back. */
class CallersOwn extends Error {
  readonly thrown: unknown;
  constructor(thrown: unknown) {
    super("the work of a transaction failed");
    this.thrown = thrown;
  }
}

async function transact<T>({ run, begin }: WritingConnection, work: (run: Run) => Promise<T>): Promise<T> {
  await run(begin);
  let failed: unknown;
  const watched: Run = async <Row extends object>(statement: string, parameters: readonly Parameter[] = []) => {
    try {
      return await run<Row>(statement, parameters);
    } catch (error) {
      failed = error;
      throw error;
    }
  };
  let result: T;
  try {
    result = await work(watched);
  } catch (error) {
    // Where the rollback fails as well, the connection is gone, and the transaction with it.
    const back = await run("rollback").then(
      () => true,
      () => false,
    );
    throw back && error !== failed ? new CallersOwn(error) : error;
  }
  await run("commit");
  return result;
}
