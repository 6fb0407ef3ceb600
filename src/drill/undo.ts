import type { Project } from "../config/project.ts";
import { MissingSecret } from "../config/secrets.ts";
import { Unfilled } from "../config/template.ts";
import { type Gathering, Interrupted } from "../evidence/gathering.ts";
import { openScript } from "../evidence/script-run.ts";
import type { Clock } from "../values/clock.ts";

/** How a drill takes back what it had the agent write: as the team would, by the trace of the drill. */
export interface Undoing {
  /** `clawproof rollback` or the script, for people to read. */
  by: string;
  /** Takes back all that the trace did so far; may be run again. Throws Interrupted. */
  run(signal: AbortSignal): Promise<Undone>;
}

/** `left`: what was not taken back, with its reason. `ms`: how long all of it took. */
export type Undone = { ms: number; left: string[] };

/** Our own ledger, or the team's script; `why` where there is neither. */
export function undoingOf(gathering: Gathering, trace: string): Undoing | { why: string } {
  const { project, clock } = gathering;
  const { ledger, script } = project.config.rollback ?? {};
  if (ledger !== undefined) {
    return {
      by: "clawproof rollback",
      run: (signal) =>
        timed(clock, async () => {
          const { undoFromLedger } = await import("./undo-ledger.ts");
          return undoFromLedger({ gathering: { ...gathering, signal }, trace });
        }),
    };
  }
  if (script?.trace === undefined) {
    return { why: "neither rollback.ledger nor rollback.script.trace says how writes are taken back" };
  }
  const args = script.trace;
  return {
    by: script.run.join(" "),
    run: (signal) =>
      timed(clock, async () => {
        const run = await openScript(script, { ...gathering, signal })(args, placeholders(project, trace));
        if ("why" in run) return [run.why];
        return run.exit === 0 ? [] : [run.complaint];
      }),
  };
}

function placeholders({ environment }: Project, trace: string): Record<string, string> {
  return environment === null ? { trace } : { trace, environment };
}

async function timed(clock: Clock, work: () => Promise<string[]>): Promise<Undone> {
  const began = clock.monotonic();
  try {
    const left = await work();
    return { ms: clock.monotonic() - began, left };
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    if (error instanceof MissingSecret || error instanceof Unfilled) {
      return { ms: clock.monotonic() - began, left: [error.message] };
    }
    throw error;
  }
}
