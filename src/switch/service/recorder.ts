import { type Append, NotDurable, type Store } from "./store.ts";

const RETRY_MS = 1_000;

/** Writes to the log, and holds what is in force without being on the disk until it can be written. */
export class Recorder {
  readonly #store: Store;
  #unsaved: Append[] = [];
  #retry: NodeJS.Timeout | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether everything is on the disk. */
  get durable(): boolean {
    return this.#unsaved.length === 0;
  }

  /** Throws NotDurable, with nothing written. What is still unsaved goes first: the log keeps the order in which things came into force. */
  write(append: Append): void {
    this.#store.append([...this.#unsaved, append]);
    this.#saved();
  }

  /** Tries again every second, and with whatever is written next. */
  keepTrying(append: Append): void {
    this.#unsaved.push(append);
    this.#retry ??= setInterval(() => this.#tryAgain(), RETRY_MS).unref();
  }

  /** One last try. */
  close(): void {
    this.#tryAgain();
    if (this.#retry) clearInterval(this.#retry);
  }

  #tryAgain(): void {
    if (this.durable) return;
    try {
      this.#store.append(this.#unsaved);
      this.#saved();
    } catch (error) {
      if (!(error instanceof NotDurable)) throw error;
    }
  }

  #saved(): void {
    this.#unsaved = [];
    if (this.#retry) clearInterval(this.#retry);
    this.#retry = null;
  }
}
