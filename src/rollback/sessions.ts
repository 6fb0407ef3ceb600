import { describeDatabase } from "../databases/address.ts";
import { openSession, type Session, type SessionOptions } from "../databases/session.ts";
import type { Tables } from "./sql/undo.ts";

export interface OpenTables {
  session: Session;
  tables: Tables;
}

/** The databases that actions are taken back in: one connection each, opened when it is first needed. */
export class Sessions {
  readonly #options: SessionOptions;
  readonly #opened = new Map<string, Promise<OpenTables>>();
  readonly #names = new Set<string>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Those that were asked for, as reports show them. */
  get names(): string[] {
    return [...this.#names].sort();
  }

  /** Throws DatabaseFailed; then the next one who asks tries again. */
  async get(url: string): Promise<OpenTables> {
    this.#names.add(describeDatabase(url));
    const known = this.#opened.get(url);
    if (known) return known;
    const opening = openSession(url, this.#options).then((session) => ({ session, tables: new Map() }));
    this.#opened.set(url, opening);
    try {
      return await opening;
    } catch (error) {
      this.#opened.delete(url);
      throw error;
    }
  }

  /** Forgets a connection that may be broken. */
  async drop(url: string): Promise<void> {
    const opened = this.#opened.get(url);
    this.#opened.delete(url);
    await opened?.then(({ session }) => session.close()).catch(() => undefined);
  }

  async close(): Promise<void> {
    for (const url of [...this.#opened.keys()]) await this.drop(url);
  }
}
