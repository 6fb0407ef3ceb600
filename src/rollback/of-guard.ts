import type { Ledger } from "../ledger/ledger.ts";
import { Handlers } from "./handlers.ts";
import { makePlan } from "./make-plan.ts";
import { Modules } from "./modules.ts";
import { isSettled, type Outcome, whyOf } from "./outcome.ts";
import { runPlan } from "./run.ts";
import { Sessions } from "./sessions.ts";
import { isUnverified, type Step } from "./step.ts";
import type { UndoFunctions } from "./undo-function.ts";

const STATEMENT_MS = 10_000;

export interface GuardRollback {
  ledger: Ledger;
  trace: string;
  agent: string;
  /** The undo functions of the agent's own actions. */
  functions: UndoFunctions;
  /** The database that a kept URL, without its password, means. */
  databaseOf: (url: string) => string;
  /** What relative URLs are relative to. */
  base?: string | undefined;
  /** Who, for people to read. */
  owner: string;
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds. */
  now: number;
}

/** What is left of a trace, and why. */
export interface LeftAction {
  id: string;
  type: string;
  target: string | null;
  /** What the plan, or the run, says of it: `conflict`, `irreversible`, `failed`, … */
  what: string;
  why: string | null;
}

export interface RolledBack {
  /** Ids of the actions that were taken back and seen to be. */
  undone: string[];
  left: LeftAction[];
}

/** Takes back a trace of an agent from within the agent, by the same plan and run as `clawproof rollback`. Throws LedgerError. */
export async function rollbackOfGuard(options: GuardRollback): Promise<RolledBack> {
  const { ledger, trace, agent, functions, databaseOf, owner, now, signal = new AbortController().signal } = options;
  const secrets = {
    get: (name: string) => Promise.reject(new Error(`${name} is not known to the agent's guard`)),
    has: () => Promise.resolve(false),
    redact: (text: string) => text,
  };
  const { base } = options;
  const context = { secrets, placeholders: {}, http: {}, directory: ".", ...(base === undefined ? {} : { base }) };
  const modules = new Modules({ directory: ".", env: {} });
  const sessions = new Sessions({ statementTimeoutMs: STATEMENT_MS, directory: ".", secrets });
  const handlers = new Handlers({
    configured: {},
    placeOf: () => "the agent",
    kept: await ledger.handlers(),
    guard: { functions, texts: textsOf(functions), source: "the agent's own guard" },
    modules,
    context,
    keptContext: context,
    databaseOf: (url) => Promise.resolve(databaseOf(url)),
    irreversible: new Map(),
  });
  try {
    const filter = { traces: [trace], agent, effect: "write" as const };
    const plan = await makePlan({ reading: ledger, handlers, sessions, filter, now });
    const { steps, hash } = plan;
    const outcomes = await runPlan({ ledger, handlers, sessions, steps, owner, plan: hash, signal });
    const undone = [...outcomes].filter(([, { kind }]) => kind === "undone").map(([id]) => id);
    return { undone, left: steps.flatMap((step) => leftOf(step, outcomes.get(step.id))) };
  } finally {
    await Promise.all([sessions.close(), modules.close()]);
  }
}

function textsOf(functions: UndoFunctions): Map<string, string> {
  return new Map([...functions].map(([type, undo]) => [type, String(undo)]));
}

function leftOf(step: Step, outcome: Outcome | undefined): LeftAction[] {
  const { id, type, target, kind, why } = step;
  if (outcome) return isSettled(outcome) ? [] : [{ id, type, target, what: outcome.kind, why: whyOf(outcome) }];
  if (isUnverified(step)) return [{ id, type, target, what: "unverified", why }];
  return kind === "done already" || kind === "did not happen" ? [] : [{ id, type, target, what: kind, why }];
}
