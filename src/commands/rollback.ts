import { createInterface } from "node:readline/promises";
import type { ExitCode } from "../audit/report.ts";
import type { Project } from "../config/project.ts";
import { printable } from "../report/printable.ts";
import { Interrupted } from "../evidence/gathering.ts";
import type { Filter, Ledger, Reading } from "../ledger/ledger.ts";
import { openWorkshop, type Workshop } from "../rollback/configured.ts";
import { makePlan, type Plan } from "../rollback/make-plan.ts";
import type { Outcome } from "../rollback/outcome.ts";
import { runPlan } from "../rollback/run.ts";
import { activatorOf } from "./activator.ts";
import { canAsk, nextLine } from "./consent.ts";
import { parseFormat, type Format } from "./formats.ts";
import {
  filled,
  nothingMatched,
  NothingTried,
  openReading,
  openWriting,
  projectWithLedger,
  telling,
} from "./ledger-open.ts";
import { LiveLine, wantsLiveLine } from "./progress.ts";
import { type SelectFlags, type Selection, selectionOf } from "./rollback-flags.ts";
import { headLines, leftOf, outcomeLines, type PlanHead, stepLine } from "./rollback-report.ts";
import type { Surroundings } from "./surroundings.ts";
import { jsonLine } from "./switch-run.ts";
import { UsageError } from "./usage-error.ts";

export interface RollbackFlags extends SelectFlags {
  dryRun?: boolean;
  yes?: boolean;
  plan?: string;
  force?: string[];
}

const SWITCH_LIMIT_MS = 3_000;

/** `clawproof rollback` (contract, section 6). Throws UsageError, InvalidConfig, Interrupted. */
export async function rollback(
  scope: string | undefined,
  flags: RollbackFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { stdout, stderr, clock } = surroundings;
  const format = parseFormat(flags.format);
  const selection = selectionOf(scope, flags, clock.now());
  checkHash(flags.plan);
  refuseUnbounded(scope, flags);
  const project = await projectWithLedger(flags, surroundings);
  surroundings.onSignal = (again) => {
    // Below the question, where it stands.
    if (!again) stderr.write(`${stderr.isTTY === true ? "\n" : ""}interrupted: nothing was done\n`);
  };
  try {
    return await withLedger(project, flags, surroundings, (opened) =>
      onPlan({ ...opened, project, selection, flags, format, scope }, surroundings),
    );
  } catch (error) {
    if (!(error instanceof NothingTried)) throw error;
    stderr.write(`clawproof: ${printable(error.message)}\n`);
    if (format === "json") stdout.write(jsonLine({ error: error.message, exitCode: 2 }));
    return 2;
  }
}

interface Opened {
  reading: Reading;
  /** Null in a dry run, which cannot write. */
  ledger: Ledger | null;
  shown: string;
}

async function withLedger<T>(
  project: Project,
  { dryRun }: RollbackFlags,
  { signal }: Surroundings,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  if (dryRun === true) {
    const { reading, shown, close } = await openReading(project, signal);
    return work({ reading, ledger: null, shown }).finally(close);
  }
  const ledger = await openWriting(project);
  return work({ reading: ledger, ledger, shown: ledger.shown }).finally(() => ledger.close());
}

interface Asked extends Opened {
  project: Project;
  selection: Selection;
  flags: RollbackFlags;
  format: Format;
  scope: string | undefined;
}

async function onPlan(asked: Asked, surroundings: Surroundings): Promise<ExitCode> {
  const { project, reading } = asked;
  const kept = await telling(project, () => reading.handlers());
  const workshop = await openWorkshop({
    project,
    kept,
    fillUrl: (text) => filled(text, project),
  });
  try {
    return await planAndRun(asked, workshop, surroundings);
  } finally {
    await workshop.close();
  }
}

async function planAndRun(asked: Asked, workshop: Workshop, surroundings: Surroundings): Promise<ExitCode> {
  const { project, reading, selection, flags, format, ledger } = asked;
  const { stdout, stderr, clock, env, signal } = surroundings;
  const live = new LiveLine(stderr, clock, wantsLiveLine(stderr, env));
  const now = clock.now();
  const plan = await telling(project, () =>
    makePlan({
      reading,
      ...workshop,
      ...selection,
      forced: flags.force ?? [],
      now,
      progress(looked) {
        if (signal.aborted) throw new Interrupted("interrupted");
        live.show(`looking at ${looked} actions`);
      },
    }),
  ).finally(() => live.clear());
  if (plan.steps.length === 0) {
    const filter = { ...selection.filter, effect: "write" as const };
    throw new NothingTried(await telling(project, () => nothingMatched(reading, filter)));
  }
  refuseUnknownForce(plan, flags.force ?? []);
  const head = await headOf(asked, workshop, plan, surroundings);
  const say = (lines: readonly string[]): void => {
    if (format === "terminal") for (const line of lines) stdout.write(`${indented(line)}\n`);
  };
  say([...headLines(head, plan.steps, now), ""]);
  for (const step of plan.steps) say([stepLine(step)]);
  say(["", `plan ${plan.hash}`]);
  const toUndo = plan.steps.filter(({ kind }) => kind === "undo").length;
  const tell = (outcomes: ReadonlyMap<string, Outcome> | null): ExitCode => {
    const exitCode: ExitCode = leftOf(plan.steps, outcomes).length === 0 ? 0 : 1;
    if (format === "json") stdout.write(jsonLine(jsonOf(head, plan, outcomes, exitCode)));
    return exitCode;
  };
  if (ledger === null) return tell(null);
  if (flags.plan !== undefined && flags.plan !== plan.hash) {
    throw new NothingTried(
      `this is plan ${plan.hash}, and not ${flags.plan}: something has changed since it was reviewed, or was taken back; look at this one, then --plan ${plan.hash}`,
    );
  }
  if (toUndo === 0) {
    say(["", ...outcomeLines(plan.steps, new Map())]);
    return tell(new Map());
  }
  await consent(plan, toUndo, flags, surroundings);
  surroundings.onSignal = (again) => {
    stderr.write(again ? "still finishing the step that runs\n" : "interrupted: finishing the step that runs\n");
  };
  const outcomes = await telling(project, () =>
    runPlan({
      ledger,
      ...workshop,
      steps: plan.steps,
      owner: activatorOf(undefined, env),
      plan: plan.hash,
      signal,
      progress: (done, of, type) => live.show(`taking back ${done} of ${of}: ${type}`),
    }),
  ).finally(() => live.clear());
  say(["", ...outcomeLines(plan.steps, outcomes)]);
  return tell(outcomes);
}

const indented = (line: string): string => (/^ */.exec(line)?.[0] ?? "") + printable(line);

function checkHash(hash: string | undefined): void {
  if (hash === undefined || HASH.test(hash)) return;
  throw new UsageError(`--plan takes the hash under a plan, 12 hexadecimal digits, not "${hash}": see --dry-run`);
}

const HASH = /^[0-9a-f]{12}$/;

/** Everything of every agent is taken back where somebody says so, or has reviewed it, and not for want of a word. */
function refuseUnbounded(scope: string | undefined, flags: RollbackFlags): void {
  const { trace, since, until, type, target, subject } = flags;
  const isBounded = [scope, trace, since, until, type, target, subject].some((one) => one !== undefined);
  if (isBounded || flags.dryRun === true || flags.plan !== undefined) return;
  throw new UsageError(
    "say what to take back: a scope (AGENT, AGENT@VERSION, AGENT/TYPE; all is everything), --trace, --since, --until, --type, --target or --subject; --dry-run alone shows everything",
  );
}

function refuseUnknownForce({ steps }: Plan, forced: readonly string[]): void {
  const unknown = forced.find((id) => !steps.some((step) => step.id === id));
  if (unknown !== undefined) throw new UsageError(`--force ${unknown}: no such action is in this plan`);
}

/** The count is typed, where neither `--yes` nor the plan's hash was given. Throws NothingTried, Interrupted. */
async function consent(plan: Plan, count: number, flags: RollbackFlags, surroundings: Surroundings): Promise<void> {
  if (flags.yes === true || flags.plan !== undefined) return;
  if (!canAsk(surroundings)) {
    throw new NothingTried(`nobody is there to confirm: add --plan ${plan.hash}, or --yes`);
  }
  const { stdin, stderr, signal } = surroundings;
  stderr.write(`Type the number of actions to take back (${count}), Enter to leave it: `);
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    const typed = await nextLine(lines, signal);
    if (typed.trim() !== String(count)) throw new NothingTried("the count was not typed, and nothing was done");
  } finally {
    lines.close();
  }
}

async function headOf(
  { project, shown, selection }: Asked,
  workshop: Workshop,
  plan: Plan,
  surroundings: Surroundings,
): Promise<PlanHead> {
  const { since, until } = selection.filter;
  return {
    environment: project.environment,
    ledger: shown,
    databases: workshop.sessions.names,
    since,
    until,
    hash: plan.hash,
    agent: await agentMode(project, selection.filter, surroundings),
    guardFailed: workshop.guardFailed,
    limit: selection.limit,
  };
}

/** Whether those whose actions are taken back still act, by their switch. */
async function agentMode(
  project: Project,
  { agent = project.config.agent.name, version }: Filter,
  { cwd, env, signal }: Surroundings,
): Promise<PlanHead["agent"]> {
  if (project.config.killSwitch === undefined) return null;
  const name = version === undefined ? agent : `${agent}@${version}`;
  const [{ chooseTarget }, { askStatus }, { SwitchProblem }] = await Promise.all([
    import("../operator/target.ts"),
    import("./switch-status.ts"),
    import("../operator/problem.ts"),
  ]);
  try {
    const target = await chooseTarget(
      { config: project.file, ...(project.environment === null ? {} : { env: project.environment }) },
      { cwd, env },
    );
    const within = AbortSignal.any([signal, AbortSignal.timeout(SWITCH_LIMIT_MS)]);
    const { mode } = await askStatus({ target, scope: name, etag: null, last: null }, within);
    return { name, mode };
  } catch (error) {
    if (error instanceof SwitchProblem) return { name, why: error.message };
    throw error;
  }
}

function jsonOf(head: PlanHead, plan: Plan, outcomes: ReadonlyMap<string, Outcome> | null, exitCode: ExitCode): object {
  const time = (ms: number | null | undefined): string | null =>
    ms === null || ms === undefined ? null : new Date(ms).toISOString();
  return {
    schema: "clawproof/rollback@1",
    environment: head.environment,
    ledger: head.ledger,
    databases: head.databases,
    since: time(head.since),
    until: time(head.until),
    agent: head.agent,
    plan: plan.hash,
    steps: plan.steps.map(({ startedAt, undoUntil, ...step }) => ({
      ...step,
      startedAt: time(startedAt),
      undoUntil: time(undoUntil),
      outcome: outcomes?.get(step.id) ?? null,
    })),
    left: leftOf(plan.steps, outcomes).map(({ step, what, why, next }) => ({ id: step.id, what, why, next })),
    dryRun: outcomes === null,
    exitCode,
  };
}
