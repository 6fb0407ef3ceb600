// The same beside revoco, where `REVOCO=PATH` names a checkout of it (and python3 has what it needs).
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const ACTIONS = 4_000;
const LEAST_TIMES = 10;
const WHAT = "recording on SQLite, 64 at once, beside revoco";

/**
 * @param {number | null} oursMs milliseconds that one of our actions takes with sixty-four at once
 * @returns {Promise<import("./support.mjs").Row>}
 */
export async function revocoRow(oursMs) {
  const row = { what: WHAT, bound: `>= ${LEAST_TIMES} x its authorize + confirm at ${ACTIONS.toLocaleString("en")}` };
  const checkout = process.env.REVOCO;
  if (!checkout || oursMs === null)
    return { ...row, measured: "not run (REVOCO=PATH names a checkout)", peer: "-", met: null };
  const theirs = await revocoMs(checkout);
  const times = theirs / oursMs;
  return {
    ...row,
    measured: `${(1_000 / oursMs).toFixed(0)} a second (${times.toFixed(0)} x)`,
    peer: `revoco: ${(1_000 / theirs).toFixed(0)} a second`,
    met: times >= LEAST_TIMES,
  };
}

/** Milliseconds that one action takes there. */
async function revocoMs(checkout) {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  try {
    const script = join(import.meta.dirname, "ledger-revoco.py");
    const env = { ...process.env, PYTHONPATH: join(checkout, "src") };
    const run = promisify(execFile)("python3", [script, String(ACTIONS), join(folder, "revoco.db")], { env });
    return (Number((await run).stdout) * 1_000) / ACTIONS;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
