import { fileBeside } from "./beside.ts";
import { limitWords } from "./words.ts";

/** A module, or a function of it, that could not be used; the message is for a person. */
export class ModuleFailed extends Error {
  override name = "ModuleFailed";
  /** The function may have done its work all the same: its process ended in the middle. */
  readonly uncertain: boolean;
  constructor(why: string, uncertain = false) {
    super(why);
    this.uncertain = uncertain;
  }
}

/** A function that a module offers, with what stands on it. */
export interface Offered {
  /** The action type that a guard offers it for; empty where the module exports the function itself. */
  type: string;
  looks: boolean;
  idempotent: boolean;
  residue: string | null;
  /** Its source, which tells whether it is still the same. */
  text: string;
}

export interface ModuleCall {
  type: string;
  /** Its `state` instead of itself. */
  looking: boolean;
  record: object;
  idempotencyKey: string;
  signal: AbortSignal;
}

/** A module that was imported in a process of its own. Methods reject with ModuleFailed. */
export interface OpenModule {
  readonly offers: readonly Offered[];
  call(call: ModuleCall): Promise<unknown>;
  /** Ends its process, whatever it does. */
  close(): Promise<void>;
}

export interface ModuleOptions {
  /** Absolute path of the file. */
  file: string;
  /** What it exports; the default export where it is empty. */
  name: string;
  /** The export is a guard, and its functions are those of `undoHandlers()`. */
  guard: boolean;
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Limit of the import, in milliseconds. */
  timeoutMs: number;
}

interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** Imports a module in a process of its own. Throws ModuleFailed. */
export async function openModule(options: ModuleOptions): Promise<OpenModule> {
  const { execaNode } = await import("execa");
  const child = execaNode(fileBeside("module-child", import.meta.url), [options.file], {
    ipc: true,
    serialization: "advanced",
    cwd: options.directory,
    env: { ...options.env },
    nodeOptions: [],
    // Ctrl-C is for the one who asked: it lets what runs here end.
    detached: true,
    buffer: false,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    reject: false,
  });
  const ended = child.then(() => new ModuleFailed("its process ended", true));
  let messages = 0;

  async function ask(message: object, onId: (id: number) => void = () => undefined): Promise<unknown> {
    const id = ++messages;
    onId(id);
    const isReply = (reply: unknown): boolean => (reply as Reply).id === id;
    const answer = Promise.all([child.getOneMessage({ filter: isReply }), child.sendMessage({ ...message, id })]);
    const reply = await Promise.race([answer.catch(() => ended), ended]);
    if (reply instanceof ModuleFailed) throw reply;
    const { value, error } = reply[0] as Reply;
    if (error !== undefined) throw new ModuleFailed(error);
    return value;
  }

  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child;
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new ModuleFailed(`its import did not end in ${limitWords(options.timeoutMs)}`));
    }, options.timeoutMs);
  });
  try {
    const loading = ask({ ask: "load", name: options.name, guard: options.guard });
    const offers = (await Promise.race([loading, late])) as Offered[];
    return {
      offers,
      async call({ signal, ...call }) {
        let id = 0;
        const stop = (): void => void child.sendMessage({ ask: "stop", call: id }).catch(() => undefined);
        signal.addEventListener("abort", stop, { once: true });
        try {
          return await ask({ ask: "call", ...call }, (given) => (id = given));
        } finally {
          signal.removeEventListener("abort", stop);
        }
      },
      close,
    };
  } catch (error) {
    await close();
    const why = error instanceof ModuleFailed && error.uncertain ? "its process ended while it was imported" : null;
    throw why === null ? error : new ModuleFailed(why);
  } finally {
    clearTimeout(timer);
  }
}
