// What all benchmarks share: running a program with its figures, medians, and the rows of the table.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const ROOT = join(import.meta.dirname, "..");
export const CLAWPROOF = join(ROOT, "bin", "clawproof.js");
/** Of everything, in turn with its peer. */
export const ROUNDS = 15;

export const HOOK = pathToFileURL(join(import.meta.dirname, "figures-hook.mjs")).href;

/**
 * @typedef {object} Run
 * @property {number} wallMs from the start of the process to its end
 * @property {number | null} status
 * @property {string} stdout
 * @property {string} stderr
 * @property {string} figures what was written to file descriptor 3
 *
 * @typedef {object} Row
 * @property {string} what
 * @property {string} measured
 * @property {string} bound
 * @property {string} peer what it was measured against in the same run, with its figure
 * @property {boolean | null} met null where it was skipped
 */

/**
 * Runs Node to its end.
 * @param {readonly string[]} args
 * @returns {Promise<Run>}
 */
export function runNode(args, cwd = ROOT) {
  const began = performance.now();
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe", "pipe"] });
  const texts = child.stdio.slice(1).map((stream) => {
    let text = "";
    stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    return () => text;
  });
  let wallMs = 0;
  child.once("exit", () => (wallMs = performance.now() - began));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      const [stdout, stderr, figures] = texts.map((text) => text());
      resolve({ wallMs, status, stdout, stderr, figures });
    });
  });
}

/**
 * Runs the built program with the hook that tells what it cost. What it finds is no matter here; that it ran is.
 * @param {readonly string[]} args
 * @returns {Promise<{ wallMs: number, report: any, peakMb: number, stallMs: number }>}
 */
export async function runAudit(args, cwd = ROOT) {
  const run = await runNode(["--import", HOOK, CLAWPROOF, ...args, "--format", "json"], cwd);
  const { wallMs, status, stdout, stderr, figures } = run;
  if (![0, 1, 3].includes(status))
    throw new Error(`clawproof ${args.join(" ")} ended with ${status}: ${stderr.trim()}`);
  return { wallMs, report: JSON.parse(stdout), ...JSON.parse(figures) };
}

/**
 * Runs each of these once a round, in turn, so that whatever else the machine does meets all of them; the first round
 * only warms the disk's cache.
 * @template T
 * @param {(() => Promise<T>)[]} candidates
 * @returns {Promise<T[][]>} the measurements of each candidate
 */
export async function inTurn(candidates, rounds = ROUNDS) {
  const measured = candidates.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      const one = await candidate();
      if (round > 0) measured[index].push(one);
    }
  }
  return measured;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** @param {number} ms */
export const milliseconds = (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
/** @param {number} ms */
export const seconds = (ms) => `${(ms / 1_000).toFixed(2)} s`;
