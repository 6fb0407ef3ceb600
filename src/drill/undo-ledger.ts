import { DatabaseFailed } from "../databases/database.ts";
import { type Gathering, Interrupted } from "../evidence/gathering.ts";
import { databaseUrl } from "../evidence/records-tables.ts";
import { DEAD_AFTER_MS } from "../ledger/claims.ts";
import { keysOf } from "../ledger/environment-key.ts";
import { type Ledger, LedgerError } from "../ledger/ledger.ts";
import { openLedger } from "../ledger/open.ts";
import { openWorkshop } from "../rollback/configured.ts";
import { makePlan } from "../rollback/make-plan.ts";
import { isSettled, whyOf } from "../rollback/outcome.ts";
import { runPlan } from "../rollback/run.ts";
import { pause } from "../rehearsal/pause.ts";
import { stopIfInterrupted } from "../rehearsal/prober.ts";
import type { Step } from "../rollback/step.ts";

const TIMEOUT_MS = 10_000;
/** What a run holds that was killed is free again after a while; with a moment beside it. */
const HELD_MS = DEAD_AFTER_MS + 5_000;
const LOOK_MS = 1_000;
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
    return await undoOnceFree(ledger, gathering, trace).finally(() => ledger.close());
  } catch (error) {
    if (signal.aborted) throw new Interrupted("interrupted");
    if (!(error instanceof LedgerError || error instanceof DatabaseFailed)) throw error;
    return [project.secrets.redact(`the ledger cannot be used: ${error.message}`)];
  }
}

/** A drill that was killed while it took back holds what it had begun: then that is waited for. */
async function undoOnceFree(ledger: Ledger, gathering: Gathering, trace: string): Promise<string[]> {
  const { clock, signal, progress } = gathering;
  const deadline = clock.monotonic() + HELD_MS;
  /** What was taken back and nobody could look at: to the next pass it is done already. */
  const unverified = new Map<string, string>();
  for (;;) {
    const { left, isHeld } = await undoIn(ledger, gathering, trace, unverified);
    if (!isHeld || clock.monotonic() >= deadline) return shortened([...unverified.values(), ...left]);
    progress.show("another run holds what is to be taken back … until it ends, or has not been heard of for 30 s");
    await pause(LOOK_MS, signal);
    stopIfInterrupted(signal);
  }
}

interface Tried {
  left: string[];
  isHeld: boolean;
}

const shortened = (left: readonly string[]): string[] =>
  left.length > NAMED ? [...left.slice(0, NAMED), `and ${left.length - NAMED} more`] : [...left];

async function undoIn(
  ledger: Ledger,
  gathering: Gathering,
  trace: string,
  unverified: Map<string, string>,
): Promise<Tried> {
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
      if (!outcome) return wordsOfPlan(step);
      if (isSettled(outcome)) return [];
      const words = `${step.type}: ${whyOf(outcome) ?? outcome.kind}`;
      if (outcome.kind !== "unverified") return [words];
      unverified.set(step.id, words);
      return [];
    });
    return { left, isHeld: [...outcomes.values()].some(({ kind }) => kind === "held") };
  } finally {
    await workshop.close();
  }
}

function wordsOfPlan({ kind, type, why }: Step): string[] {
  if (kind === "done already" || kind === "did not happen") return [];
  return [`${type}: ${why ?? kind}`];
}
