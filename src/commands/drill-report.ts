import type { Project } from "../config/project.ts";
import type { Drill } from "../drill/hold.ts";
import type { NewDrillLine } from "../drill/log.ts";

/** What `clawproof drill` prints. */

const AT_WIDTH = 7;
const STEP_WIDTH = 8;

export function headWords({ config, environment }: Project): string {
  const where = environment === null ? "" : ` in ${environment}`;
  return `drill of ${config.agent.name}${where}`;
}

/** `  12.3 s  stop     writes refused 3.96 s after the order`. */
export function stepLine(atMs: number, step: string, text: string): string {
  return `${`${(atMs / 1_000).toFixed(1)} s`.padStart(AT_WIDTH + 2)}  ${step.padEnd(STEP_WIDTH)} ${text}`;
}

/** The verdict and its figures; `kept`: where its line is. */
export function drillWords(outcome: Drill, kept: string | null): string[] {
  if (outcome.state === "not-begun") return [`nothing was done: ${outcome.why}`];
  if (outcome.state === "unknown") return [`COULD NOT BE MEASURED: ${outcome.why}; no line is kept`];
  const { line } = outcome;
  const verdict = line.verdict.held ? `HELD: ${figures(line)}` : `DID NOT HOLD: ${line.verdict.why ?? ""}`;
  return ["", verdict, ...(kept === null ? [] : [`${line.mark}: ${kept}`])];
}

function figures({ stop, undone }: NewDrillLine): string {
  const equal = undone.filter((one) => one.equal).length;
  const types = undone.length === 1 ? "action type" : "action types";
  return `stopped in ${((stop.ms ?? 0) / 1_000).toFixed(1)} s, ${equal}/${undone.length} ${types} reversed`;
}
