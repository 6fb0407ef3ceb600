// Reads what strace wrote of a process that answers for its data: what was on the disk before anybody was told.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** So much longer than the process that is traced the tracer may take to end. */
const TRACER_MS = 10_000;

/** Why nothing can be traced here; null where it can. */
export async function whyNoTrace() {
  try {
    await promisify(execFile)("strace", ["-o", "/dev/null", "true"]);
    return null;
  } catch (error) {
    return error.code === "ENOENT" ? "strace is not installed" : `strace may not trace here: ${error.stderr.trim()}`;
  }
}

/** What strace is to write down: descriptors with their paths, and enough of the bytes to find an order's mark in them. */
export const straceCommand = (output) => [
  // The tracer as the grandchild, so that the process that we start, and stop, is the service itself.
  ...["strace", "-D", "-f", "-y", "-s", "4096", "-o", output],
  ...["-e", "trace=read,write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync"],
];

/** Whether the trace says that the process, and so each of its threads, has ended. */
const isWhole = (trace, pid) => new RegExp(`^${pid} +\\+\\+\\+ (exited|killed)`, "m").test(trace);

/** The trace, once the tracer has written all of it. */
export async function wholeTrace(output, pid) {
  for (const began = performance.now(); performance.now() - began < TRACER_MS; await delay(50)) {
    const trace = await readFile(output, "utf8");
    if (isWhole(trace, pid)) return trace;
  }
  throw new Error("strace did not end");
}

const CALL = /^(\d+) +(\w+)\((\d+)<([^>]*)>(.*)$/;
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/;
const UNFINISHED = "<unfinished ...>";
const SYNCS = ["fsync", "fdatasync"];
const [STANDARD_OUTPUT, STANDARD_ERROR] = [1, 2];

/**
 * @typedef {object} Call a system call on a file or socket
 * @property {"begins" | "ends"} phase one that nothing came between is both, one after the other
 * @property {string} pid
 * @property {string} name
 * @property {number} descriptor
 * @property {string} path
 * @property {string} text arguments and result, as far as this phase tells them
 *
 * @param {string} trace
 * @returns {Generator<Call>}
 */
function* callsOf(trace) {
  const unfinished = new Map();
  for (const line of trace.split("\n")) {
    const resumed = RESUMED.exec(line);
    if (resumed) {
      const call = unfinished.get(resumed[1]);
      if (call) yield { ...call, phase: "ends", text: resumed[2] };
      continue;
    }
    const found = CALL.exec(line);
    if (!found) continue;
    const [, pid, name, descriptor, path, text] = found;
    const call = { pid, name, descriptor: Number(descriptor), path, text };
    yield { ...call, phase: "begins" };
    if (text.endsWith(UNFINISHED)) unfinished.set(pid, call);
    else yield { ...call, phase: "ends" };
  }
}

/**
 * Which orders were on the disk when the first byte about them left through a socket: the answer's, or the push to an
 * event client. On the disk: the log was written to after the order was read, and synced after its last write.
 * @param {string} trace
 * @param {string} log path of the write-ahead log
 * @param {readonly string[]} marks one for each order, which nothing before its request holds
 * @returns {Map<string, boolean>} by mark, of those that somebody was told of
 */
export function syncedWhenTold(trace, log, marks) {
  const told = new Map();
  const pending = new Map();
  const file = { writes: 0, synced: 0 };
  const syncing = new Map();
  for (const call of callsOf(trace)) {
    if (call.path === log) followFile(call, file, syncing);
    if (!call.path.startsWith("socket:") || call.descriptor <= STANDARD_ERROR) continue;
    if (call.name === "read") {
      const mark = call.phase === "ends" && marks.find((one) => call.text.includes(`${one}\\"`));
      if (mark && !pending.has(mark)) pending.set(mark, { socket: call.path, before: file.writes });
    } else if (call.phase === "begins") {
      for (const [mark, { socket, before }] of pending) {
        if (told.has(mark) || (call.path !== socket && !call.text.includes(`${mark}\\"`))) continue;
        told.set(mark, file.writes > before && file.synced === file.writes);
      }
    }
  }
  return told;
}

/**
 * Whether each line on standard output came when the log had been written to since the line before, and synced after its
 * last write.
 * @param {string} trace
 * @param {string} log path of the write-ahead log
 * @returns {boolean[]} one for each line
 */
export function syncedWhenPrinted(trace, log) {
  const told = [];
  const file = { writes: 0, synced: 0 };
  const syncing = new Map();
  let before = 0;
  for (const call of callsOf(trace)) {
    if (call.path === log) followFile(call, file, syncing);
    if (call.descriptor !== STANDARD_OUTPUT || call.name !== "write" || call.phase !== "begins") continue;
    told.push(file.writes > before && file.synced === file.writes);
    before = file.writes;
  }
  return told;
}

function followFile({ pid, name, phase, text }, file, syncing) {
  if (!SYNCS.includes(name)) {
    if (phase === "begins" && name !== "read") file.writes += 1;
  } else if (phase === "begins") {
    syncing.set(pid, file.writes);
  } else if (/= 0$/.test(text)) {
    file.synced = syncing.get(pid);
  }
}
