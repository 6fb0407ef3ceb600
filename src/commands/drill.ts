import { relative, resolve } from "node:path";
import type { ExitCode } from "../audit/report.ts";
import { policyProblems } from "../audit/policy.ts";
import { actingLine, targetsText } from "../audit/plan-acts.ts";
import { loadProject } from "../config/load.ts";
import type { Project } from "../config/project.ts";
import type { Plan } from "../audit/plan.ts";
import type { Drill } from "../drill/hold.ts";
import type { NewDrillLine } from "../drill/log.ts";
import { planDrill } from "../drill/plan.ts";
import type { Tell } from "../drill/telling.ts";
import { type Gathering, Interrupted } from "../evidence/gathering.ts";
import { printable } from "../report/printable.ts";
import { activatorOf } from "./activator.ts";
import { askToAct, canAsk, checkActOn, mayActAs } from "./consent.ts";
import { drillWords, headWords, stepLine } from "./drill-report.ts";
import { renderPlan } from "./dry-run.ts";
import { errorLines, tellStack } from "./errors.ts";
import { type Format, parseFormat } from "./formats.ts";
import { LiveLine, wantsLiveLine } from "./progress.ts";
import type { Surroundings } from "./surroundings.ts";
import { jsonLine } from "./switch-run.ts";
import { UsageError } from "./usage-error.ts";

export interface DrillFlags {
  config?: string;
  env?: string;
  actOn?: string;
  by?: string;
  dryRun?: boolean;
  format?: string;
}

/** `clawproof drill` (contract, section 7). Throws UsageError, InvalidConfig and Interrupted. */
export async function drill(flags: DrillFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = parseFormat(flags.format ?? "terminal");
  checkActOn(flags.actOn, flags.env);
  const environment = flags.env ?? flags.actOn;
  const project = await loadProject({
    cwd: surroundings.cwd,
    env: surroundings.env,
    ...(flags.config === undefined ? {} : { file: flags.config }),
    ...(environment === undefined ? {} : { environment }),
    rules: [policyProblems],
  });
  let mayAct = mayActAs("full", project, flags.actOn);
  if (flags.dryRun === true) return dryRun(planDrill(project, mayAct), project, surroundings);
  const plan = planDrill(project, true);
  if (mayAct !== true && plan.acts.length > 0 && canAsk(surroundings)) {
    mayAct = await askToAct(project.environment ?? "", targetsText(plan.acts), surroundings);
  }
  const file = logFileOf(project);
  if (mayAct === true) {
    const acting = actingLine(project, plan.acts);
    if (acting !== null) surroundings.stderr.write(`${acting}\n`);
  }
  const { clock, env, signal, stderr } = surroundings;
  const gathering: Gathering = {
    project,
    mode: "full",
    mayAct,
    activator: activatorOf(flags.by, env),
    clock,
    signal,
    progress: new LiveLine(stderr, clock, wantsLiveLine(stderr, env)),
    facts: {},
    notBack: [],
  };
  return conduct({ gathering, format, file }, surroundings);
}

async function dryRun(plan: Plan, project: Project, { stdout, stderr, clock }: Surroundings): Promise<ExitCode> {
  const { sayLeftovers } = await import("../audit/gatherers.ts");
  await sayLeftovers({ project, progress: new LiveLine(stderr, clock, false) });
  stdout.write(renderPlan(plan, []));
  return 0;
}

interface Conducting {
  gathering: Gathering;
  format: Format;
  file: string;
}

interface TimedStep {
  atMs: number;
  step: string;
  text: string;
}

async function conduct({ gathering, format, file }: Conducting, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr, clock } = surroundings;
  const { project, progress, notBack } = gathering;
  const redact = (text: string): string => project.secrets.redact(text);
  const say = (line: string): void => {
    progress.clear();
    if (format === "terminal") stdout.write(`${indented(redact(line))}\n`);
  };
  const began = clock.monotonic();
  const steps: TimedStep[] = [];
  const tell: Tell = (step, text) => {
    const atMs = Math.round(clock.monotonic() - began);
    steps.push({ atMs, step, text: redact(text) });
    say(stepLine(atMs, step, text));
  };
  say(headWords(project));
  let status: ExitCode;
  let outcome: Drill | null = null;
  let kept: string | null = null;
  try {
    const { holdDrill } = await import("../drill/hold.ts");
    outcome = await holdDrill(gathering, { tell });
    if (outcome.state === "measured") kept = await keep(outcome.line, file, gathering);
    status = statusOf(outcome);
  } catch (error) {
    status = error instanceof Interrupted ? 130 : 2;
    // Whatever happened, what is not back must still be said, last.
    progress.clear();
    if (error instanceof Interrupted && notBack.length === 0)
      stderr.write("interrupted; nothing is left pulled by this drill, and it leaves no line\n");
    if (!(error instanceof Interrupted)) stderr.write(errorLines(error, redact));
    tellStack(error, surroundings, project.secrets);
  }
  progress.clear();
  if (outcome !== null) for (const line of drillWords(outcome, kept)) say(line);
  for (const { what, command } of notBack) {
    stderr.write(redact(`NOT BACK: ${what}; put it back with\n${command}\n`));
  }
  if (notBack.length > 0) status = 4;
  if (format === "json") stdout.write(jsonLine(jsonOf(outcome, kept, steps, notBack, status)));
  return status;
}

const indented = (line: string): string => (/^ */.exec(line)?.[0] ?? "") + printable(line);

function statusOf(outcome: Drill): ExitCode {
  if (outcome.state === "not-begun") return 2;
  if (outcome.state === "unknown") return 3;
  return outcome.line.verdict.held ? 0 : 1;
}

async function keep(entry: NewDrillLine, file: string, { project, progress }: Gathering): Promise<string> {
  const { appendDrill } = await import("../drill/log.ts");
  const { halfLine } = await appendDrill(file, entry);
  if (halfLine !== null) {
    progress.say(
      `line ${halfLine} of the drill log is half a line that a crash left: it counts for nothing, remove it`,
    );
  }
  return `kept in ${relative(project.directory, file)}`;
}

function jsonOf(
  outcome: Drill | null,
  kept: string | null,
  steps: readonly TimedStep[],
  notBack: Gathering["notBack"],
  exitCode: ExitCode,
): object {
  return {
    schema: "clawproof/drill-report@1",
    line: outcome?.state === "measured" ? outcome.line : null,
    why: outcome !== null && "why" in outcome ? outcome.why : null,
    kept,
    steps,
    notBack: notBack.map(({ what }) => what),
    exitCode,
  };
}

/** The file that lines are added to. Throws UsageError where there is none: a drill that leaves no proof is no drill. */
function logFileOf({ config, directory, shownFile }: Project): string {
  const log = config.drills?.log;
  if (typeof log === "string" && !log.includes("#")) return resolve(directory, log);
  if (log !== undefined) throw new UsageError("drills.log must be a file that a drill can add a line to");
  throw new UsageError(`${shownFile} says nowhere to keep drills: drills: { log: .clawproof/drills.jsonl }`);
}
