import { resolve } from "node:path";
import { whatFailed } from "../../checks/05-rollback-kill-switches/drilled.ts";
import { policyFrom } from "../audit/policy.ts";
import type { ExitCode } from "../audit/report.ts";
import type { Project } from "../config/project.ts";
import { readTextFile, UnreadableFile } from "../doors/file.ts";
import { type Attested, verifyAttestation } from "../drill/attest.ts";
import { KeyRefused, type PublicKey, readPublicKey } from "../drill/keys.ts";
import { readKeys } from "../drill/read-keys.ts";
import { whyIgnored } from "../drill/read-standing.ts";
import { seconds } from "../drill/trend.ts";
import { printable } from "../report/printable.ts";
import { type ProjectFlags, toldProject } from "./told-project.ts";
import { parseFormat } from "./formats.ts";
import type { Surroundings } from "./surroundings.ts";
import { jsonLine } from "./switch-run.ts";
import { UsageError } from "./usage-error.ts";

export interface DrillVerifyFlags extends ProjectFlags {
  format: string;
  key?: string[];
}

/**
 * `clawproof drill verify FILE`: 0 it is signed by a key that may sign, it is about this agent, and the drill held; 1 it
 * is not; 2 nothing could be checked. Throws UsageError, InvalidConfig.
 */
export async function drillVerify(
  file: string,
  flags: DrillVerifyFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const format = parseFormat(flags.format);
  const text = await textOf(file, surroundings);
  const { keys, project } = await keysFor(flags, surroundings);
  const attested = verifyAttestation(text, keys);
  const why = "why" in attested ? attested.why : whyNot(attested, project, surroundings.clock.now());
  const exitCode = why === null ? 0 : 1;
  surroundings.stdout.write(
    format === "json"
      ? jsonLine({ file, verdict: why === null ? "pass" : "fail", why, ...factsOf(attested), exitCode })
      : linesFor(attested, why)
          .map((line) => `${printable(line)}\n`)
          .join(""),
  );
  return exitCode;
}

/** A signature that holds says who vouches, not that the drill is ours or held. */
function whyNot({ line }: Attested, project: Project | null, now: number): string | null {
  const ignored = project === null ? null : whyIgnored(line, project, now);
  if (ignored !== null) {
    const isElsewhere = ignored.startsWith("a drill in ") && line.environment !== null;
    return `it is ${ignored}${isElsewhere ? `: give --env ${line.environment ?? ""}` : ""}`;
  }
  // By its figures, as everywhere: what it says of itself is a claim, and the policy may be stricter by now.
  const failed = whatFailed(line, policyFrom(project?.config.policy, project?.config.drills));
  if (failed.length > 0) return `the drill did not hold: ${failed.join("; ")}`;
  return line.verdict.held ? null : `the drill did not hold: ${line.verdict.why ?? "it says so itself"}`;
}

function linesFor(attested: Attested | { why: string }, why: string | null): string[] {
  if ("why" in attested) return [`[FAIL] ${attested.why}`];
  const { line, by } = attested;
  const { agent, version, environment, endedAt, stop, undone, mark } = line;
  const who = version === null ? agent : `${agent}@${version}`;
  const where = environment === null ? "" : ` in ${environment}`;
  const stopped = stop.ms === null ? "did not stop" : `stopped in ${seconds(stop.ms)}`;
  const equal = undone.filter((one) => one.equal).length;
  return [
    `[PASS] signed by ${by.shown} (key ${by.id.slice(0, 16)}…)`,
    `[${why === null ? "PASS" : "FAIL"}] ${why ?? `the drill of ${who}${where} held`}`,
    `       ${mark}, ended ${endedAt}: ${stopped}, ${equal}/${undone.length} action types reversed, by ${line.by}`,
  ];
}

function factsOf(attested: Attested | { why: string }): object {
  if ("why" in attested) return { signedBy: null, line: null };
  const { line, by } = attested;
  return { signedBy: { file: by.shown, id: by.id }, line };
}

async function keysFor(
  flags: DrillVerifyFlags,
  surroundings: Surroundings,
): Promise<{ keys: PublicKey[]; project: Project | null }> {
  const { key: files = [] } = flags;
  // With a key at hand it works anywhere: no configuration is asked for, and none is looked for.
  const isAlone = files.length > 0 && flags.config === undefined && flags.env === undefined;
  const project = isAlone ? null : await toldProject(flags, surroundings);
  if (files.length > 0) return { keys: await Promise.all(files.map((one) => keyOf(one, surroundings))), project };
  if (project === null) throw new TypeError("a project or a key is given");
  const { keys, problems } = await readKeys(project, { signal: surroundings.signal });
  for (const problem of problems) surroundings.stderr.write(`clawproof: ${printable(problem)}\n`);
  if (keys.length > 0) return { keys, project };
  throw new UsageError(
    problems.length > 0
      ? "none of the keys of drills.keys can be read, so nothing can be checked"
      : `no key to check it with: name one with --key, or in ${project.shownFile} (drills: { keys: [drills.pub] })`,
  );
}

async function keyOf(file: string, surroundings: Surroundings): Promise<PublicKey> {
  try {
    return readPublicKey(await textOf(file, surroundings), file);
  } catch (error) {
    if (error instanceof KeyRefused) throw new UsageError(error.message);
    throw error;
  }
}

async function textOf(file: string, { cwd }: Surroundings): Promise<string> {
  try {
    return await readTextFile(resolve(cwd, file), file);
  } catch (error) {
    if (error instanceof UnreadableFile) throw new UsageError(error.message);
    throw error;
  }
}
