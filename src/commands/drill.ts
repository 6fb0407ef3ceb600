import type { KeyObject } from "node:crypto";
import type { ExitCode } from "../audit/report.ts";
import { policyProblems } from "../audit/policy.ts";
import { actingLine, targetsText } from "../audit/plan-acts.ts";
import { loadProject } from "../config/load.ts";
import type { Project } from "../config/project.ts";
import type { Plan } from "../audit/plan.ts";
import type { FaultName } from "../drill/faults/names.ts";
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
import { checkWritable, writeWhole } from "./output-files.ts";
import { LiveLine, wantsLiveLine } from "./progress.ts";
import type { Surroundings } from "./surroundings.ts";
import { jsonLine } from "./switch-run.ts";
import { UsageError } from "./usage-error.ts";

export interface DrillFlags {
  config?: string;
  env?: string;
  actOn?: string;
  by?: string;
  fault?: FaultName[];
  attest?: string;
  key?: string;
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
  if (flags.dryRun === true) return dryRun(planDrill(project, mayAct, flags.fault), project, surroundings);
  const plan = planDrill(project, true, flags.fault);
  if (mayAct !== true && plan.acts.length > 0 && canAsk(surroundings)) {
    mayAct = await askToAct(project.environment ?? "", targetsText(plan.acts), surroundings);
  }
  const proof = await proofOf(project, flags, surroundings);
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
  return conduct({ gathering, format, proof, faults: flags.fault ?? [] }, surroundings);
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
  proof: Proof;
  faults: readonly FaultName[];
}

/** What is done with the line. */
interface Proof {
  /** Null where it is not signed. */
  key: KeyObject | null;
  /** Where lines are kept, in words. */
  shown: string;
  /** Of `--attest`. */
  file: string | null;
}

interface Kept {
  entry: NewDrillLine;
  where: string;
  /** As the file of `--attest` has it. */
  attestation: string | null;
}

interface TimedStep {
  atMs: number;
  step: string;
  text: string;
}

async function conduct(conducting: Conducting, surroundings: Surroundings): Promise<ExitCode> {
  const { gathering, format, proof, faults } = conducting;
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
  let kept: Kept | null = null;
  try {
    const { holdDrill } = await import("../drill/hold.ts");
    outcome = await holdDrill(gathering, { tell, faults });
    if (outcome.state === "measured") kept = await keep(outcome.line, gathering, proof);
    if (proof.file !== null && kept?.attestation) {
      await writeWhole(proof.file, surroundings.cwd, kept.attestation, "--attest");
    }
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
  if (outcome !== null) for (const line of drillWords(outcome, kept?.where ?? null)) say(line);
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

/** Signs the line where there is a key, and keeps it; gives where, in words. Throws UsageError where it cannot be kept. */
async function keep(line: NewDrillLine, { project, progress }: Gathering, proof: Proof): Promise<Kept> {
  const { appendDrillLine, StoreFailed } = await import("../drill/store.ts");
  const { attest, attestationText } = await import("../drill/attest.ts");
  const { key, shown } = proof;
  const attestation = key && attest(line, key, { name: project.shownFile, sha256: project.sha256 });
  const entry = attestation ? { ...line, attestation } : line;
  // No interrupt: what was measured and released must have its line.
  const { halfLine } = await appendDrillLine(project, entry).catch((error: unknown) => {
    if (!(error instanceof StoreFailed)) throw error;
    throw new UsageError(
      `the drill's line could not be kept: ${error.message}; the switch's log knows of the drill, and 05.10 asks for its line: mend that, and hold another`,
    );
  });
  if (halfLine !== null) {
    progress.say(`line ${halfLine} of ${shown} is half a line that a crash left: it counts for nothing, remove it`);
  }
  return { entry, where: `kept in ${shown}`, attestation: attestation && attestationText(attestation) };
}

function jsonOf(
  outcome: Drill | null,
  kept: Kept | null,
  steps: readonly TimedStep[],
  notBack: Gathering["notBack"],
  exitCode: ExitCode,
): object {
  return {
    schema: "clawproof/drill-report@1",
    line: outcome?.state === "measured" ? (kept?.entry ?? outcome.line) : null,
    why: outcome !== null && "why" in outcome ? outcome.why : null,
    kept: kept?.where ?? null,
    steps,
    notBack: notBack.map(({ what }) => what),
    exitCode,
  };
}

/** Before anything is touched: that the line can be kept, signed and written. Throws UsageError. */
async function proofOf(project: Project, flags: DrillFlags, { cwd, signal }: Surroundings): Promise<Proof> {
  const [{ checkDrillStore, StoreFailed }, { signingKey, DRILL_KEY }, { KeyRefused }] = await Promise.all([
    import("../drill/store.ts"),
    import("../drill/signing-key.ts"),
    import("../drill/keys.ts"),
  ]);
  try {
    const shown = await checkDrillStore(project, { signal });
    const key = await signingKey(project, { file: flags.key, cwd });
    if (flags.attest === undefined) return { key, shown, file: null };
    if (key === null) throw new UsageError(`--attest needs a key to sign with: --key FILE, or ${DRILL_KEY}`);
    await checkWritable([{ file: flags.attest }], cwd, "--attest");
    return { key, shown, file: flags.attest };
  } catch (error) {
    if (error instanceof KeyRefused) throw new UsageError(error.message);
    if (!(error instanceof StoreFailed)) throw error;
    const { file, line } = error.location;
    throw new UsageError(`a drill leaves a line, and there is nowhere to keep it: ${error.message} (${file}:${line})`);
  }
}
