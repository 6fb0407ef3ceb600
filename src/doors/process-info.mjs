/**
 * What the system says of a process: plain JavaScript without packages, because the guardian of a drill, which runs by
 * itself, asks as well. Synchronous, so that nothing comes between the question and a signal.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * @typedef {object} ProcessInfo
 * @property {number} parent
 * @property {string} state the system's letter: `T` is stopped, `Z` has ended and only its parent has not noticed
 * @property {string} start when it started, in the system's own words: a pid is given out again
 * @property {number | null} startedMs the same as milliseconds since 1970, a few seconds more or less
 * @property {number | null} user
 */

/** A process that is still the one it was: its pid, and when it started (null where nothing told). */
/** @typedef {{ pid: number, start: string | null }} ProcessId */

const TICKS_A_SECOND = 100;

/** What the system says of a process: /proc on Linux, else `ps`; null where there is none or neither tells. */
/** @type {(pid: number) => ProcessInfo | null} */
export function processInfo(pid) {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat === null ? infoByPs(pid) : infoByProc(pid, stat);
}

/** @type {(pid: number, stat: string) => ProcessInfo} */
function infoByProc(pid, stat) {
  // The program's name stands in parentheses and may hold anything, so fields are counted after the last one.
  const [state = "", parent, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const start = rest[17] ?? "";
  const boot = /^btime (\d+)$/m.exec(textOf("/proc/stat") ?? "")?.[1];
  const user = /^Uid:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`) ?? "")?.[1];
  return {
    parent: Number(parent),
    state,
    start,
    startedMs: boot === undefined ? null : Number(boot) * 1_000 + (Number(start) / TICKS_A_SECOND) * 1_000,
    user: user === undefined ? null : Number(user),
  };
}

/** The way of systems without /proc; it works on Linux as well. */
/** @type {(pid: number) => ProcessInfo | null} */
export function infoByPs(pid) {
  const columns = ["ppid=", "uid=", "stat=", "lstart="].flatMap((column) => ["-o", column]);
  const { status, stdout } = spawnSync("ps", [...columns, "-p", String(pid)], {
    encoding: "utf8",
    // One spelling of times, wherever it is asked.
    env: { LC_ALL: "C", TZ: "UTC" },
    timeout: 2_000,
  });
  const [, parent, user, state, start] = (status === 0 && /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(stdout)) || [];
  if (start === undefined) return null;
  const startedMs = Date.parse(`${start} UTC`);
  return {
    parent: Number(parent),
    state: state.slice(0, 1),
    start,
    startedMs: Number.isNaN(startedMs) ? null : startedMs,
    user: Number(user),
  };
}

/** This process. */
/** @type {() => ProcessId} */
export function self() {
  return { pid: process.pid, start: startOf(process.pid) };
}

/** This process and those that it was started by, the nearest first. */
/** @type {() => number[]} */
export function ownLine() {
  const line = [process.pid];
  for (let pid = process.ppid; pid > 0 && !line.includes(pid); pid = processInfo(pid)?.parent ?? 0) line.push(pid);
  return line;
}

/** Whether anybody has this pid. */
/** @type {(pid: number) => boolean} */
export function isThere(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error.code === "EPERM";
  }
}

/** When a process started; `ended` for one that only its parent still counts, null where nothing tells. */
/** @type {(pid: number) => string | null} */
export function startOf(pid) {
  const info = processInfo(pid);
  if (info === null) return null;
  return info.state === "Z" ? "ended" : info.start;
}

/** Whether the process is there and still the same. */
/** @type {(id: ProcessId) => boolean} */
export function lives({ pid, start }) {
  if (!isThere(pid)) return false;
  const now = startOf(pid);
  return now !== "ended" && (start === null || now === null || start === now);
}

/**
 * Sends a signal to a process that is still the same; whether there was one. Never to one of which nothing tells when it
 * started: it could be anybody by now.
 */
/** @type {(id: ProcessId, signal: NodeJS.Signals) => boolean} */
export function signalSame(id, signal) {
  if (id.start === null || startOf(id.pid) !== id.start) return false;
  try {
    return process.kill(id.pid, signal);
  } catch (error) {
    // It ended in between.
    if (error.code === "ESRCH") return false;
    throw error;
  }
}

/** @type {(file: string) => string | null} */
function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
