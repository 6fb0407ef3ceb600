import { resolve } from "node:path";
import { ModuleFailed, type OpenModule, openModule } from "../doors/module.ts";
import { UndoFailed, type UndoFunction } from "./undo-function.ts";

const IMPORT_LIMIT_MS = 10_000;

export interface ModulesOptions {
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** Modules that were imported for their undo functions, each in a process of its own, and each once. */
export class Modules {
  readonly #options: ModulesOptions;
  readonly #opened = new Map<string, Promise<OpenModule>>();

  constructor(options: ModulesOptions) {
    this.#options = options;
  }

  /** The functions of a guard, by action type: `./agent/guard.mjs#guard`. Throws UndoFailed. */
  async guard(written: string): Promise<{ functions: Map<string, UndoFunction>; texts: Map<string, string> }> {
    const module = await this.#open(written, true);
    return {
      functions: new Map(module.offers.map((offer) => [offer.type, this.#function(module, offer.type)])),
      texts: new Map(module.offers.map(({ type, text }) => [type, text])),
    };
  }

  /** One function: `./undo.mjs#restore`. Throws UndoFailed. */
  async function(written: string): Promise<{ undo: UndoFunction; text: string }> {
    const module = await this.#open(written, false);
    return { undo: this.#function(module, ""), text: module.offers[0]?.text ?? "" };
  }

  async close(): Promise<void> {
    for (const opening of this.#opened.values()) await opening.then((module) => module.close()).catch(() => undefined);
  }

  #function(module: OpenModule, type: string): UndoFunction {
    const offer = module.offers.find((one) => one.type === type);
    const work =
      (looking: boolean): UndoFunction =>
      async (record, { signal, idempotencyKey }) => {
        try {
          return await module.call({ type, looking, record, idempotencyKey, signal });
        } catch (error) {
          if (error instanceof ModuleFailed) throw new UndoFailed(error.message, error.uncertain);
          throw error;
        }
      };
    const undo: UndoFunction = work(false);
    if (offer?.looks) undo.state = work(true);
    undo.idempotent = offer?.idempotent;
    undo.residue = offer?.residue ?? undefined;
    return undo;
  }

  async #open(written: string, guard: boolean): Promise<OpenModule> {
    const hash = written.lastIndexOf("#");
    const [path, name] = hash < 0 ? [written, ""] : [written.slice(0, hash), written.slice(hash + 1)];
    const key = `${guard} ${written}`;
    const { directory, env } = this.#options;
    const opening =
      this.#opened.get(key) ??
      openModule({ file: resolve(directory, path), name, guard, directory, env, timeoutMs: IMPORT_LIMIT_MS });
    this.#opened.set(key, opening);
    try {
      return await opening;
    } catch (error) {
      if (error instanceof ModuleFailed) throw new UndoFailed(`${path} cannot be used: ${error.message}`);
      throw error;
    }
  }
}
