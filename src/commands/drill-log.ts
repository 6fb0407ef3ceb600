import { whatFailed } from "../../checks/05-rollback-kill-switches/drilled.ts";
import { policyFrom } from "../audit/policy.ts";
import type { ExitCode } from "../audit/report.ts";
import type { Project } from "../config/project.ts";
import { drillChart } from "../drill/chart.ts";
import { readCounting, readStanding } from "../drill/read-standing.ts";
import { StoreFailed } from "../drill/store.ts";
import { trendOf, trendText } from "../drill/trend.ts";
import { printable } from "../report/printable.ts";
import { activatorOf } from "./activator.ts";
import { drillLogLines, type Shown, type ShownDrill } from "./drill-log-lines.ts";
import { type ProjectFlags, toldProject } from "./told-project.ts";
import { parseFormat } from "./formats.ts";
import { checkWritable, writeWhole } from "./output-files.ts";
import type { Surroundings } from "./surroundings.ts";
import { numberOf } from "./switch-flags.ts";
import { jsonLine } from "./switch-run.ts";
import { UsageError } from "./usage-error.ts";

export interface DrillLogFlags extends ProjectFlags {
  format: string;
  last: string;
  verify?: boolean;
  svg?: string;
}

/**
 * `clawproof drill log [--verify] [--svg FILE]`: 0 printed; with `--verify` 1 where a line is broken or not verifiable;
 * 3 the drills could not be read. Throws UsageError, InvalidConfig, Interrupted.
 */
export async function drillLog(flags: DrillLogFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = parseFormat(flags.format);
  const last = numberOf("--last", flags.last, 1) ?? 1;
  const { stdout, stderr, cwd } = surroundings;
  if (flags.svg !== undefined) await checkWritable([{ file: flags.svg }], cwd, "--svg");
  const project = await toldProject(flags, surroundings);
  const shown = await readShown(project, flags.verify === true, surroundings);
  if ("why" in shown) {
    stderr.write(`clawproof: the drills could not be read: ${printable(shown.why)}\n`);
    if (format === "json") stdout.write(jsonLine({ error: shown.why, exitCode: 3 }));
    return 3;
  }
  const exitCode = shown.verified && (shown.firstBroken !== null || shown.drills.length === 0) ? 1 : 0;
  const trend = trendOf(judged(shown).slice(-last));
  const newest = { ...shown, drills: shown.drills.slice(-last) };
  if (flags.svg !== undefined) await writeWhole(flags.svg, cwd, chartOf(newest, project), "--svg");
  stdout.write(
    format === "json"
      ? jsonLine({ ...newest, trend, exitCode })
      : drillLogLines(newest, trend)
          .map((line) => `${printable(line).trimEnd()}\n`)
          .join(""),
  );
  return exitCode;
}

/** Where some lines could be verified, the others say nothing of how fast the agent stops. */
function judged({ drills, verified }: Shown): Parameters<typeof trendOf>[0] {
  const counting = verified && drills.some(({ verifiable }) => verifiable === true);
  return drills
    .filter(({ verifiable }) => !counting || verifiable === true)
    .map(({ endedAt, stopMs: ms, resolutionMs }) => ({ endedAt, ms, resolutionMs }));
}

async function readShown(
  project: Project,
  verify: boolean,
  { clock, signal, env }: Surroundings,
): Promise<Shown | { why: string }> {
  const { config, environment } = project;
  const named = { agent: config.agent.name, environment, verified: verify };
  try {
    if (!verify) {
      const { counting, accounting: _, location: _location, ...rest } = await readCounting({ project, clock, signal });
      const drills = counting.map(({ line, lineNumber }) => shownDrill({ line, lineNumber }, project));
      return { ...named, ...rest, drills, unaccounted: [], firstBroken: rest.brokenAt, missing: null };
    }
    const activator = activatorOf(undefined, env);
    const { location: _, ...standing } = await readStanding({ project, clock, signal, activator, whole: true });
    const drills = standing.drills.map((drill) => ({ ...shownDrill(drill, project), ...proofOf(drill) }));
    const shown = { ...named, ...standing, drills, firstBroken: null, missing: null };
    return { ...shown, firstBroken: firstBroken(shown) };
  } catch (error) {
    if (!(error instanceof StoreFailed)) throw error;
    if (error.state !== "absent") return { why: error.message };
    const isConfigured = config.drills?.log !== undefined;
    if (!isConfigured)
      throw new UsageError(`${error.message}: drills: { log: .clawproof/drills.jsonl }, or { store: switch }`);
    return { ...named, ...NOTHING, source: error.message, missing: error.message };
  }
}

const NOTHING: Pick<Shown, "drills" | "ignored" | "brokenAt" | "unaccounted" | "unit" | "firstBroken"> = {
  drills: [],
  ignored: [],
  brokenAt: null,
  unaccounted: [],
  unit: "line",
  firstBroken: null,
};

function shownDrill({ line, lineNumber }: Pick<ShownDrill, "lineNumber"> & DrillOf, project: Project): ShownDrill {
  const { config } = project;
  const failed = whatFailed(line, policyFrom(config.policy, config.drills));
  const why =
    failed.length > 0 ? failed.join("; ") : line.verdict.held ? null : (line.verdict.why ?? "it says so itself");
  return {
    lineNumber,
    mark: line.mark,
    version: line.version,
    endedAt: line.endedAt,
    stopMs: line.stop.ms,
    resolutionMs: line.stop.resolutionMs,
    undone: line.undone.filter(({ equal }) => equal).length,
    written: line.undone.length,
    held: why === null,
    why,
    by: line.by,
    verifiable: null,
    proof: null,
  };
}

type DrillOf = Pick<Awaited<ReturnType<typeof readStanding>>["drills"][number], "line">;

function proofOf({
  verifiable,
  proof,
}: Awaited<ReturnType<typeof readStanding>>["drills"][number]): Pick<ShownDrill, "verifiable" | "proof"> {
  return { verifiable: verifiable === true ? true : verifiable.why, proof };
}

/** The first line that is not what was written or cannot be verified; a line about somebody else is neither. */
function firstBroken({ drills, brokenAt, unit, unaccounted }: Shown): Shown["firstBroken"] {
  const unverified = drills.find(({ verifiable }) => typeof verifiable === "string");
  const candidates = [
    ...(brokenAt === null ? [] : [brokenAt]),
    ...(unverified === undefined ? [] : [{ lineNumber: unverified.lineNumber, why: String(unverified.verifiable) }]),
  ].sort((a, b) => a.lineNumber - b.lineNumber);
  const [first] = candidates;
  if (first !== undefined) return first;
  const [missing] = unaccounted;
  if (missing === undefined) return null;
  const at = new Date(missing.at).toISOString();
  const why = `no ${unit} accounts for a drill that the switch's log has at ${at} (${missing.reason})`;
  return { lineNumber: 0, why };
}

function chartOf({ drills, agent, environment }: Shown, { config }: Project): string {
  const { stopWithinMs } = policyFrom(config.policy, config.drills);
  const trend = trendOf(drills.map(({ endedAt, stopMs: ms, resolutionMs }) => ({ endedAt, ms, resolutionMs })));
  const where = environment === null ? "" : ` in ${environment}`;
  return drillChart(
    drills.map(({ endedAt, stopMs: ms, held, mark }) => ({ endedAt, ms, held, mark })),
    {
      title: `Time to stop ${agent}${where}`,
      subtitle: `${trendText(trend)} (${drills.length} drills)`,
      targetMs: stopWithinMs,
    },
  );
}
