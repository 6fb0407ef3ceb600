import type { StateCall, Undo } from "../config/schema.ts";
import { MissingSecret } from "../config/secrets.ts";
import { requiredSecretsIn } from "../config/template.ts";
import { databaseIdentity } from "../databases/address.ts";
import { DatabaseFailed } from "../databases/database.ts";
import type { CallContext } from "../doors/door.ts";
import type { ActionRecord, KeptHandler } from "../ledger/record.ts";
import { canonicalJson } from "../values/canonical-json.ts";
import { sha256 } from "../values/hash-chain.ts";
import { callState, commandUndo, httpUndo } from "./compensators/call.ts";
import type { Compensator } from "./compensators/compensator.ts";
import { functionCompensator } from "./compensators/function.ts";
import type { Modules } from "./modules.ts";
import type { HandlerFacts } from "./step.ts";
import { UndoFailed, type UndoFunction, type UndoFunctions } from "./undo-function.ts";

/** How actions of a type are taken back. */
export interface Handler {
  facts: HandlerFacts;
  take:
    | { kind: "rows"; database: string; table: string; key: readonly string[]; ignore: readonly string[] }
    | { kind: "compensator"; compensator: Compensator }
    | { kind: "by hand" };
}

export interface HandlersOptions {
  /** `rollback.undo` of clawproof.yaml, with the place of each for messages. */
  configured: Readonly<Record<string, Undo>>;
  placeOf(type: string): string;
  /** What the ledger keeps. */
  kept: readonly KeptHandler[];
  /** The functions of the agent's own guard; `texts` are their sources, `source` is where they stand. */
  guard: { functions: UndoFunctions; texts: ReadonlyMap<string, string>; source: string } | null;
  modules: Modules;
  /** For what clawproof.yaml says. */
  context: CallContext;
  /** For what the ledger holds, which the agent wrote: it sees no secret that the agent had not. */
  keptContext: CallContext;
  /** The database that a URL of the ledger means: without its password it is looked for among the configured ones. */
  databaseOf(url: string, isKept: boolean): Promise<string>;
  /** Types that clawproof.yaml names irreversible under agent.actions, with what a person must do. */
  irreversible: ReadonlyMap<string, string>;
}

/** Finds the handler of each action, and makes each once. */
export class Handlers {
  readonly #options: HandlersOptions;
  readonly #made = new Map<string, Promise<Handler | { why: string }>>();
  /** The first URL of each database: actions on the same rows must meet, however theirs are spelled. */
  readonly #urls = new Map<string, string>();

  constructor(options: HandlersOptions) {
    this.#options = options;
  }

  /** What clawproof.yaml says first, then what the ledger keeps, then the guard's own function; null where nothing does. */
  for(record: ActionRecord): Promise<Handler | { why: string } | null> {
    const { configured, kept, guard, irreversible } = this.#options;
    const { type, agent, version } = record;
    const own = Object.hasOwn(configured, type) ? configured[type] : undefined;
    if (own) return this.#once(`configured ${type}`, () => this.#fromData(own, this.#options.placeOf(type), false));
    const instead = irreversible.get(type);
    if (instead !== undefined) {
      return this.#once(`configured ${type}`, () =>
        this.#fromData({ irreversible: instead }, "agent.actions in clawproof.yaml", false),
      );
    }
    const stored = kept.find((one) => one.agent === agent && one.version === version && one.type === type);
    if (stored) {
      return this.#once(`kept ${JSON.stringify([agent, version, type])}`, async () => {
        const undo = await keptUndo(stored.undo);
        return undo === null
          ? { why: "what the ledger keeps for it cannot be read" }
          : this.#fromData(undo, "the ledger", true);
      });
    }
    const undo = guard?.functions.get(type);
    if (!undo || !guard) return Promise.resolve(null);
    return this.#once(`guard ${type}`, async () =>
      this.#fromFunction(undo, { form: "function", source: guard.source, text: guard.texts.get(type) ?? "" }),
    );
  }

  /** Types of an agent's that something has a handler for, in whatever version. */
  typesOf(agent: string): Set<string> {
    const { configured, kept, guard, irreversible } = this.#options;
    const stored = kept.filter((one) => one.agent === agent).map(({ type }) => type);
    return new Set([...Object.keys(configured), ...irreversible.keys(), ...stored, ...(guard?.functions.keys() ?? [])]);
  }

  #once(key: string, make: () => Promise<Handler | { why: string }>): Promise<Handler | { why: string }> {
    const known = this.#made.get(key);
    if (known) return known;
    const making = make().catch((error: unknown) => {
      if (error instanceof UndoFailed || error instanceof DatabaseFailed) return { why: error.message };
      throw error;
    });
    this.#made.set(key, making);
    return making;
  }

  async #fromData(undo: Undo, source: string, isKept: boolean): Promise<Handler> {
    const digest = sha256(canonicalJson(undo));
    const facts = { source, digest, instead: null, idempotent: false, looks: false, residue: null };
    if ("irreversible" in undo) {
      return { facts: { ...facts, form: "irreversible", instead: undo.irreversible }, take: { kind: "by hand" } };
    }
    const residue = undo.residue ?? null;
    if ("sql" in undo) {
      const { database, table, key, ignore = [] } = undo.sql;
      const url = this.#urlOf(await this.#options.databaseOf(database, isKept));
      return {
        facts: { ...facts, form: "sql", residue, idempotent: true, looks: true },
        take: { kind: "rows", database: url, table, key, ignore },
      };
    }
    const context = isKept ? this.#options.keptContext : this.#options.context;
    await findSecrets(undo, context);
    const state = undo.state ? await this.#state(undo.state, context) : null;
    const more = { residue, idempotent: undo.idempotent === true };
    if ("module" in undo) {
      const { undo: work, text } = await this.#options.modules.function(undo.module);
      const made = this.#fromFunction(work, { form: "module", source, text });
      const { compensator } = made.take as { compensator: Compensator };
      const looks = state !== null || compensator.state !== null;
      const both = { ...made.facts, looks, residue: residue ?? made.facts.residue, digest: sha256(digest + text) };
      return {
        facts: { ...both, idempotent: more.idempotent || made.facts.idempotent },
        take: { kind: "compensator", compensator: { ...compensator, state: state ?? compensator.state } },
      };
    }
    const compensator: Compensator = {
      undo: "http" in undo ? httpUndo(undo.http, context) : commandUndo(undo.command, context),
      state,
    };
    const form = "http" in undo ? "http" : "command";
    return { facts: { ...facts, ...more, form, looks: state !== null }, take: { kind: "compensator", compensator } };
  }

  #urlOf(url: string): string {
    const identity = databaseIdentity(url, this.#options.context.directory);
    const first = this.#urls.get(identity) ?? url;
    this.#urls.set(identity, first);
    return first;
  }

  async #state(state: StateCall, context: CallContext): Promise<NonNullable<Compensator["state"]>> {
    if (!("module" in state)) return callState(state, context);
    const { undo: look } = await this.#options.modules.function(state.module);
    return (
      functionCompensator(
        Object.assign(async () => undefined, { state: look }),
        this.#redact,
      ).state ?? look
    );
  }

  #fromFunction(
    undo: UndoFunction,
    { form, source, text }: { form: "function" | "module"; source: string; text: string },
  ): Handler & { take: { kind: "compensator" } } {
    const compensator = functionCompensator(undo, this.#redact);
    return {
      facts: {
        form,
        source,
        digest: sha256(text),
        instead: null,
        residue: undo.residue ?? null,
        idempotent: undo.idempotent === true,
        looks: compensator.state !== null,
      },
      take: { kind: "compensator", compensator },
    };
  }

  readonly #redact = (text: string): string => this.#options.context.secrets.redact(text);
}

/** What will be needed is looked for before anything is tried. Throws UndoFailed. */
async function findSecrets(undo: Undo, { secrets }: CallContext): Promise<void> {
  for (const name of requiredSecretsIn(undo)) {
    if (await secrets.has(name)) continue;
    await secrets.get(name).catch((error: unknown) => {
      throw new UndoFailed(error instanceof MissingSecret ? error.message : String(error));
    });
  }
}

/** What the ledger keeps, read as clawproof.yaml is; null where it is nothing of the kind. */
async function keptUndo(kept: unknown): Promise<Undo | null> {
  const { undo } = await import("../config/schema.ts");
  const read = undo.safeParse(kept);
  return read.success ? read.data : null;
}
