import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { expect } from "vitest";
import type { Fact } from "../../src/audit/fact.ts";
import { projectFromText } from "../../src/config/load.ts";
import type { Gathering } from "../../src/evidence/gathering.ts";
import { systemClock } from "../../src/values/clock.ts";
import { gatheringOf } from "../audit/support.ts";
import { afterThis } from "../doors/servers.ts";

/** A folder that goes with the test. */
export async function folderForTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-evidence-"));
  afterThis(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a gatherer is given when clawproof.yaml in this folder reads so. */
export function gatheringFrom(
  folder: string,
  yaml: string,
  { env = {}, ...overrides }: Partial<Gathering> & { env?: Record<string, string>; environment?: string } = {},
): Gathering {
  const { environment, ...rest } = overrides;
  const project = projectFromText(yaml, {
    file: join(folder, "clawproof.yaml"),
    shownFile: "clawproof.yaml",
    cwd: folder,
    env,
    ...(environment === undefined ? {} : { environment }),
  });
  return gatheringOf(project, { clock: systemClock, ...rest });
}

/** The value of a fact that must be there. */
export function valueOf<T>(fact: Fact<T>): T {
  expect(fact).toMatchObject({ state: "found" });
  if (fact.state !== "found") throw new Error(fact.why);
  return fact.value;
}

/** Runs statements on a SQLite file. */
export function write(file: string, ...statements: string[]): void {
  const database = new Database(file);
  for (const statement of statements) database.exec(statement);
  database.close();
}
