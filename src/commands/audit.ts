import { exitStatus } from "../audit/exit.ts";
import { planAudit } from "../audit/plan.ts";
import { type Acting, actingLine, type MayAct, targetsText } from "../audit/plan-acts.ts";
import { policyProblems } from "../audit/policy.ts";
import type { ExitCode, Report } from "../audit/report.ts";
import { type AuditOutcome, runAudit } from "../audit/run.ts";
import { type SelectedSuite, selectChecks } from "../audit/select.ts";
import { SUITES } from "../audit/suites.ts";
import { standingWaivers, waiverProblems } from "../audit/waivers.ts";
import { loadProject } from "../config/load.ts";
import type { Project } from "../config/project.ts";
import type { Gathering } from "../evidence/gathering.ts";
import { activatorOf } from "./activator.ts";
import { type AuditFlags, type AuditOptions, readAuditFlags } from "./audit-options.ts";
import { askToAct, canAsk, mayActAs } from "./consent.ts";
import { missingSecrets, renderPlan } from "./dry-run.ts";
import { errorLines, tellStack } from "./errors.ts";
import type { Format } from "./formats.ts";
import { checkWritable, writeWhole } from "./output-files.ts";
import { LiveLine, wantsLiveLine } from "./progress.ts";
import type { Surroundings } from "./surroundings.ts";

/** `clawproof [--check 05]…`: audits, prints the report and gives the exit status. Throws UsageError, InvalidConfig and the like. */
export async function audit(flags: AuditFlags, surroundings: Surroundings): Promise<ExitCode> {
  const options = readAuditFlags(flags);
  const suites = selectChecks(SUITES, options.checks);
  await checkWritable(options.outputs, surroundings.cwd);
  const project = await load(options, surroundings);
  const checks = suites.flatMap((suite) => suite.checks);
  let mayAct = mayActAs(options.mode, project, options.actOn);
  if (options.dryRun) {
    const { sayLeftovers } = await import("../audit/gatherers.ts");
    await sayLeftovers({ project, progress: new LiveLine(surroundings.stderr, surroundings.clock, false) });
    const plan = planAudit(project, checks, mayAct);
    surroundings.stdout.write(renderPlan(plan, await missingSecrets(plan, project.secrets)));
    return 0;
  }
  const { acts } = planAudit(project, checks, true);
  if (mayAct !== true && options.mode === "full" && acts.length > 0 && canAsk(surroundings)) {
    mayAct = await askToAct(project.environment ?? "", targetsText(acts), surroundings);
  }
  announce(project, mayAct === true ? acts : [], surroundings);
  return conduct(project, suites, options, mayAct, surroundings);
}

function load({ config, environment }: AuditOptions, { cwd, env, clock }: Surroundings): Promise<Project> {
  return loadProject({
    cwd,
    env,
    ...(config === undefined ? {} : { file: config }),
    ...(environment === undefined ? {} : { environment }),
    rules: [policyProblems, (read) => waiverProblems(read, SUITES, clock.now())],
  });
}

/** What a person must know before anything happens: what will be touched, and which waivers hold no more. */
function announce(project: Project, acts: readonly Acting[], { stderr, clock }: Surroundings): void {
  const acting = actingLine(project, acts);
  if (acting !== null) stderr.write(`${acting}\n`);
  for (const { waiver, index, expired } of standingWaivers(project.config.waivers, clock.now())) {
    if (!expired) continue;
    const { file, line } = project.where(["waivers", index]);
    stderr.write(`waiver of ${waiver.check} ended on ${waiver.until} and is ignored (${file}:${line})\n`);
  }
}

async function conduct(
  project: Project,
  suites: readonly SelectedSuite[],
  options: AuditOptions,
  mayAct: MayAct,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { clock, env, signal, stderr, version } = surroundings;
  const gathering: Gathering = {
    project,
    mode: options.mode,
    mayAct,
    activator: activatorOf(options.by, env),
    clock,
    signal,
    progress: new LiveLine(stderr, clock, wantsLiveLine(stderr, env)),
    facts: {},
    notBack: [],
  };
  const unexpected = (error: unknown) => {
    tellStack(error, surroundings, project.secrets);
  };
  let couldNotRun = false;
  let outcome: AuditOutcome | null = null;
  try {
    outcome = await runAudit({ gathering, suites, failOn: options.failOn, version, leftovers, unexpected });
    if (outcome.report) await deliver(outcome.report, options, surroundings);
  } catch (error) {
    // Whatever happened, what is not back must still be said, last.
    couldNotRun = true;
    stderr.write(errorLines(error, (text) => project.secrets.redact(text)));
    unexpected(error);
  } finally {
    gathering.progress.clear();
  }
  const { notBack } = gathering;
  if (outcome?.report === null && notBack.length === 0)
    stderr.write("interrupted; nothing is left pulled by this run\n");
  for (const { what, command } of notBack) {
    stderr.write(project.secrets.redact(`NOT BACK: ${what}; put it back with\n${command}\n`));
  }
  return exitStatus({
    report: outcome?.report ?? null,
    notBack: notBack.length,
    couldNotRun,
    interrupted: outcome?.report === null,
    failOn: options.failOn,
  });
}

/** An earlier run that was killed may have left the switch pulled: who may act puts it back first, others say so. */
async function leftovers(gathering: Gathering): Promise<string | null> {
  const { recoverLeftovers, sayLeftovers } = await import("../audit/gatherers.ts");
  if (gathering.mode !== "full" || gathering.mayAct !== true) {
    await sayLeftovers(gathering);
    return null;
  }
  try {
    await recoverLeftovers(gathering);
    return null;
  } catch (error) {
    // By its name: its class is loaded with the rehearsals, on use.
    if (error instanceof Error && error.name === "CannotAct") return error.message;
    throw error;
  }
}

/** The report on standard output, and in every file that `--output` names. */
async function deliver(report: Report, options: AuditOptions, { stdout, cwd, env }: Surroundings): Promise<void> {
  const { format, outputs, detail } = options;
  const colour = format === "terminal" && options.colour && (await wantsColour(env));
  stdout.write(await render(report, format, { detail, colour }));
  for (const output of outputs) {
    await writeWhole(output.file, cwd, await render(report, output.format, { detail, colour: false }));
  }
}

async function render(
  report: Report,
  format: Format,
  options: { detail: AuditOptions["detail"]; colour: boolean },
): Promise<string> {
  if (format === "json") return (await import("../report/json.ts")).renderJson(report);
  return (await import("../report/terminal.ts")).renderTerminal(report, options);
}

/** chalk knows terminals and FORCE_COLOR; NO_COLOR (no-color.org) it leaves to us. */
async function wantsColour(env: Surroundings["env"]): Promise<boolean> {
  const refused = (env["NO_COLOR"] ?? "") !== "" && env["FORCE_COLOR"] === undefined;
  return !refused && (await import("chalk")).default.level > 0;
}
