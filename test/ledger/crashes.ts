import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { expect } from "vitest";
import { openLedger } from "../../src/ledger/open.ts";
import { entriesOf } from "./ledgers.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Beside the packages, which are not bundled. */
const CHILD = join(ROOT, "node_modules", ".cache", "clawproof-test");
const LANES = 5;
/** The kill waits for so many acknowledgements at most, and then for up to so long, in milliseconds. */
const MOST_ACKNOWLEDGED = 60;
const BEYOND_MS = 4;

let built: Promise<string> | null = null;

/** The child as Node can run it, made once. */
export function recordingChild(): Promise<string> {
  built ??= bundle();
  return built;
}

async function bundle(): Promise<string> {
  const outfile = join(CHILD, `recording-child-${process.pid}.mjs`);
  await build({
    entryPoints: [join(ROOT, "test", "ledger", "recording-child.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  return outfile;
}

/** Kills a recording process at a random instant, again and again, on one ledger; afterwards nothing acknowledged is lost. */
export async function crashRounds(url: string, rounds: number): Promise<void> {
  const child = await recordingChild();
  const begun = new Set<string>();
  const ended = new Set<string>();
  for (let round = 0; round < rounds; round++) await oneRound(child, url, begun, ended);
  const ledger = await openLedger(url, { create: false });
  try {
    const entries = await entriesOf(ledger);
    const rows = new Map(entries.map(({ record, damaged }) => [record?.id ?? damaged?.id, record]));
    expect([...begun].filter((id) => !rows.get(id))).toEqual([]);
    expect([...ended].filter((id) => rows.get(id)?.status !== "done")).toEqual([]);
    for (const { record, damaged } of entries) {
      expect(damaged).toBeUndefined();
      const both = { before: { target: record?.target }, after: { target: record?.target } };
      if (record?.status === "done") expect(record).toMatchObject(both);
      else expect(record).toMatchObject({ status: "started", before: { target: record?.target }, after: undefined });
    }
    // Or the kills met nothing under way.
    expect(begun.size).toBeGreaterThan(rounds);
  } finally {
    await ledger.close();
  }
}

async function oneRound(file: string, url: string, begun: Set<string>, ended: Set<string>): Promise<void> {
  const child = spawn(process.execPath, [file, url, String(LANES)], { stdio: ["ignore", "pipe", "inherit"] });
  const over = once(child, "close");
  const enough = Math.ceil(Math.random() * MOST_ACKNOWLEDGED);
  let acknowledged = 0;
  const lines = createInterface(child.stdout);
  const seen = new Promise<void>((resolveSeen) => {
    lines.on("line", (line) => {
      const [what, id = ""] = line.split(" ");
      (what === "begun" ? begun : ended).add(id);
      if (++acknowledged === enough) resolveSeen();
    });
  });
  await Promise.race([seen, over]);
  await pause(Math.random() * BEYOND_MS);
  child.kill("SIGKILL");
  const [, signal] = (await over) as [unknown, string | null];
  if (signal !== "SIGKILL") throw new Error("the recording process ended by itself");
}
