import { DatabaseFailed } from "../databases/database.ts";
import { type Gathering, Interrupted } from "../evidence/gathering.ts";
import { databaseUrl } from "../evidence/records-tables.ts";
import { keysOf } from "../ledger/environment-key.ts";
import { type Ledger, LedgerError } from "../ledger/ledger.ts";
import { openLedger } from "../ledger/open.ts";
import { openWorkshop } from "../rollback/configured.ts";
import { makePlan } from "../rollback/make-plan.ts";
import { isSettled, whyOf } from "../rollback/outcome.ts";
import { runPlan } from "../rollback/run.ts";
import { stopIfInterrupted } from "../rehearsal/prober.ts";
import type { Step } from "../rollback/step.ts";

const TIMEOUT_MS = 10_000;
/** So many are named; a person reads no more. */
const NAMED = 5;

/**
 * Takes back everything that a drill's trace did, by the plan and run of `clawproof rollback`; only actions that the agent
 * itself marked as a drill's are touched. Gives what is left, with its reason. Throws Interrupted.
 */
export async function undoFromLedger({ gathering, trace }: { gathering: Gathering; trace: string }): Promise<string[]> {
  const { project, signal } = gathering;
  try {
    const url = await databaseUrl(gathering, project.config.rollback?.ledger ?? "");
    const keys = keysOf(project.env);
    const ledger = await openLedger(url, { directory: project.directory, create: false, timeoutMs: TIMEOUT_MS, keys });
    return await undoIn(ledger, gathering, trace).finally(() => ledger.close());
  } catch (error) {
    if (signal.aborted) throw new Interrupted("interrupted");
    if (!(error instanceof LedgerError || error instanceof DatabaseFailed)) throw error;
    return [project.secrets.redact(`the ledger cannot be used: ${error.message}`)];
  }
}

async function undoIn(ledger: Ledger, gathering: Gathering, trace: string): Promise<string[]> {
  const { project, signal, clock, activator } = gathering;
  const fillUrl = (text: string): Promise<string> => databaseUrl(gathering, text);
  const workshop = await openWorkshop({ project, kept: await ledger.handlers(), fillUrl });
  try {
    const filter = { traces: [trace], agent: project.config.agent.name, drill: true };
    const { steps, hash } = await makePlan({ reading: ledger, ...workshop, filter, now: clock.now() });
    stopIfInterrupted(signal);
    const outcomes = await runPlan({ ledger, ...workshop, steps, owner: activator, plan: hash, signal });
    stopIfInterrupted(signal);
    const left = steps.flatMap((step) => {
      const outcome = outcomes.get(step.id);
      if (outcome) return isSettled(outcome) ? [] : [`${step.type}: ${whyOf(outcome) ?? outcome.kind}`];
      return wordsOfPlan(step);
    });
    return left.length > NAMED ? [...left.slice(0, NAMED), `and ${left.length - NAMED} more`] : left;
  } finally {
    await workshop.close();
  }
}

function wordsOfPlan({ kind, type, why }: Step): string[] {
  if (kind === "done already" || kind === "did not happen") return [];
  return [`${type}: ${why ?? kind}`];
}
