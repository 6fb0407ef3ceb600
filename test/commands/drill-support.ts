import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../src/commands/main.ts";
import { attest } from "../../src/drill/attest.ts";
import { appendDrill, type NewDrillLine } from "../../src/drill/log.ts";
import { keyPair } from "../drill/keys.ts";
import { drillOf } from "../drill/lines.ts";
import { afterThisFile } from "../support/ending.ts";
import { surroundingsOf } from "./support.ts";

/** Commands on drills, run as the program runs them, in a folder with a log of signed drills. */

export const NOW = Date.parse("2026-11-22T06:00:00.000Z");
const DAY = 86_400_000;
export const ours = keyPair();
export const CONFIG = `version: 1
agent: { name: subscription-support }
drills: { log: drills.jsonl, keys: [drills.pub] }
`;

/** A drill that ended so many days ago. */
export function drillDaysAgo(days: number, changes: Partial<NewDrillLine> = {}): NewDrillLine {
  const ended = NOW - days * DAY;
  const times = { startedAt: new Date(ended - 30_000).toISOString(), endedAt: new Date(ended).toISOString() };
  return drillOf({ ...times, mark: `clawproof-${days}`, ...changes });
}

export const signed = (line: NewDrillLine): NewDrillLine => ({ ...line, attestation: attest(line, ours.privateKey) });

export async function folderOf(lines: readonly NewDrillLine[], config = CONFIG): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-drills-"));
  afterThisFile(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "clawproof.yaml"), config);
  await writeFile(join(folder, "drills.pub"), ours.publicPem);
  for (const line of lines) await appendDrill(join(folder, "drills.jsonl"), line);
  return folder;
}

export async function runIn(cwd: string, ...argv: string[]) {
  const clock = { now: () => NOW, monotonic: () => 0 };
  const surroundings = surroundingsOf(argv, { cwd, clock, env: { GITHUB_ACTOR: "kim" } });
  const status = await main(surroundings);
  return { status, stdout: surroundings.stdout.text, stderr: surroundings.stderr.text };
}
