import type { Mode } from "../switch/protocol/mode.ts";
import type { UndoClass } from "../ledger/record.ts";
import type { RolledBack } from "../rollback/of-guard.ts";
import type { UndoFunctions } from "../rollback/undo-function.ts";
import type { ActionDefinition, Effect, GuardedAction } from "./action-types.ts";
import type { SavedBreaker } from "./breaker/saved.ts";
import type { RefusalReason } from "./decide.ts";
import type { HandlerOptions } from "./handler.ts";
import type { AnyInput } from "./running.ts";
import type { GuardState } from "./state.ts";

/** What `guard.check` answers. */
export interface Checked {
  allowed: boolean;
  /** What the agent may do now, as far as this action type is concerned. */
  mode: Mode;
  reason: RefusalReason | null;
  /** What a user should read where it is not allowed; null where it is, or where no fallback was given. */
  fallback: string | null;
}

/** An action as it was registered. */
export interface GuardedType {
  type: string;
  effect: Effect;
  /** How far it can be taken back; `unknown` where it does not say how. */
  undo: UndoClass;
}

/** The breakers as JSON, for the next start of the agent. */
export interface SavedGuard {
  breaker: SavedBreaker;
  types: Record<string, SavedBreaker>;
}

/** What stands between an agent's decisions and their effects. */
export interface Guard {
  /**
   * Wraps one action: it runs only while the switch, the lease and the breakers let it. Registered once a type; throws
   * TypeError for a type that is no name, or is registered already.
   */
  action<Input = AnyInput, Result = unknown>(
    type: string,
    definition: ActionDefinition<Input, Result>,
  ): GuardedAction<Input, Awaited<Result>>;
  /** Whether an action may run now: synchronous, without asking anybody. Not a promise for later. */
  check(type: string, options?: { effect?: Effect; drill?: boolean; locale?: string }): Checked;
  /** Aborted when the whole agent is stopped; a fresh one after it may act again. */
  readonly signal: AbortSignal;
  /** Resolves when the whole agent is stopped and nothing of what that forbids still runs. */
  readonly stopped: Promise<void>;
  /** Resolves once the switch was heard and the ledger can be written. Rejects after `timeout` (default 10 s), saying what is known. */
  ready(options?: { timeout?: string | number }): Promise<void>;
  state(): GuardState;
  actions(): GuardedType[];
  /**
   * The answer to a user whose request was refused: 503 with `Retry-After` and the fallback, in the request's language.
   * Throws what is no refusal.
   */
  refusal(error: unknown, request?: { headers: Headers }): Response;
  /** An endpoint of the agent's own: settings, state, counts; with an operator's token also the breaker of drill calls. */
  handler(options?: HandlerOptions): (request: Request) => Promise<Response>;
  /** A person's yes to an opened breaker, where no switch is there to say it by. Throws where one is. */
  resume(by: { by: string; reason: string }): void;
  /** The breakers, for `createGuard({ restore })`: a restart must not close what was open. */
  save(): SavedGuard;
  /**
   * Takes back what one trace has done, newest first, by the same plan and run as `clawproof rollback`; it works while the
   * switch is pulled. `base` is what relative URLs of an `http` undo are relative to, as `agent.url` is for the command.
   * Rejects where there is no ledger, or none that answers.
   */
  rollback(options: { trace: string; base?: string; signal?: AbortSignal }): Promise<RolledBack>;
  /** The undo functions of its actions, by type: for `rollback.guard` in clawproof.yaml. */
  undoHandlers(): UndoFunctions;
  /**
   * Ends the connection to the switch: no write begins any more, and what runs is told to end when the lease is over. Waits
   * for the records of writes that still run, as long as for a commit.
   */
  close(): Promise<void>;
}
