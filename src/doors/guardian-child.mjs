/**
 * The guardian of a drill that freezes or kills a process: a process of its own that outlives the drill, and puts back
 * when the drill is gone or its limit has passed. It is sent one charge, answers `{ armed: true }`, and ends when it is sent
 * `{ done: true }`. Plain JavaScript, because tests start it from here and Node 20 reads no types.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { isThere, lives, signalSame } from "./process-info.mjs";

/** @typedef {import("./process-info.mjs").ProcessId} ProcessId */
/** @typedef {{ argv: string[], stdin: string | null, directory: string, env: Record<string, string> }} Command */

/**
 * @typedef {object} Charge
 * @property {ProcessId} drill who must live for the fault to go on
 * @property {number} limitMs after which it ends whether or not the drill lives
 * @property {ProcessId[]} frozen processes to send SIGCONT
 * @property {Command | null} thaw
 * @property {{ command: Command, killed: ProcessId | null, pidFile: string | null } | null} restart
 *   `killed`: only where that one is gone; `pidFile`: only where it names nobody who lives
 */

const LOOK_EVERY_MS = 500;
const THAW_EVERY_MS = 100;
const TRIES = 3;
const RETRY_AFTER_MS = 1_000;
const COMMAND_LIMIT_MS = 30_000;
/** A drill whose channel closed but that still runs could freeze once more. */
const PATIENCE_MS = 10_000;

const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {Charge | null} */
let charge = null;
let isOver = false;
/** @type {Promise<void> | null} */
let putting = null;

process.on("message", (message) => {
  if (message.done === true) end();
  else if (message.charge !== undefined) arm(message.charge);
});
process.on("disconnect", () => void putBack());
for (const signal of /** @type {const} */ (["SIGTERM", "SIGINT", "SIGHUP"])) process.on(signal, () => void putBack());
// Our messages have nobody to read them any more once the drill is gone; that is no reason to end.
process.on("uncaughtException", () => void putBack());

function end() {
  isOver = true;
  // What is under way comes to its end: half a restart is none.
  if (putting === null) process.exit();
}

/** @param {Charge} given */
function arm(given) {
  charge = given;
  setTimeout(() => void putBack(), given.limitMs);
  setInterval(() => {
    if (!lives(given.drill)) void putBack();
  }, LOOK_EVERY_MS);
  process.send?.({ armed: true });
}

function putBack() {
  putting ??= work().finally(() => process.exit());
  return putting;
}

async function work() {
  if (charge === null) return;
  // The drill learns of it, if it lives, and goes no further.
  if (process.connected) process.send?.({ over: true }, () => undefined);
  const { drill, frozen, thaw, restart } = charge;
  const deadline = performance.now() + PATIENCE_MS;
  let lived = true;
  if (thaw !== null) await run(thaw);
  while (lived && !isOver) {
    // Asked before the signal: whoever is gone by now has frozen for the last time.
    lived = lives(drill) && performance.now() < deadline;
    for (const one of frozen) signalSame(one, "SIGCONT");
    if (lived && frozen.length > 0) await wait(THAW_EVERY_MS);
    else break;
  }
  if (restart !== null && !isUp(restart)) await run(restart.command);
}

/** @param {NonNullable<Charge["restart"]>} restart */
function isUp({ killed, pidFile }) {
  if (killed !== null && lives(killed)) return true;
  if (pidFile === null) return false;
  const pid = Number(readText(pidFile).trim());
  return pid > 1 && isThere(pid) && lives({ pid, start: null });
}

function readText(/** @type {string} */ file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** @param {Command} command */
async function run(command) {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    if ((await exitOf(command)) === 0) return;
    await wait(RETRY_AFTER_MS);
  }
}

/** @param {Command} command */
function exitOf({ argv: [program = "", ...args], stdin, directory, env }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: directory, env, detached: true, stdio: ["pipe", "ignore", "ignore"] });
    const timer = setTimeout(() => resolve(null), COMMAND_LIMIT_MS);
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin ?? "");
    child.once("error", () => resolve(null));
    child.once("exit", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}
