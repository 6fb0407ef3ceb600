// Taking back by rows: how many actions a second `clawproof rollback` undoes, read-back, ledger and all, beside the bare
// compensating updates in transactions of the same size on the same database; SQLite and PostgreSQL.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { ROOT } from "./support.mjs";

const BOUND = 1 / 3;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function rollbackUndo() {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  const outfile = join(ROOT, "bench", ".rollback-undo.mjs");
  try {
    await build({
      entryPoints: [join(ROOT, "bench/rollback-undo-run.ts")],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      packages: "external",
      logLevel: "error",
    });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, folder]);
    return JSON.parse(stdout).map(({ name, shape, rows, ours, bare }) => ({
      what: `undoing with sql on ${name}, read back, ${shape}, ${rows.toLocaleString("en")} rows`,
      measured: `${Math.round(ours)} a second`,
      bound: "a third of the bare updates",
      peer: `bare updates ${Math.round(bare)} a second (${(ours / bare).toFixed(2)}x)`,
      met: ours >= bare * BOUND,
    }));
  } finally {
    await rm(outfile, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
}
