// What the benchmarks of the kill switch share: servers as processes of their own, and what is asked of them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CLAWPROOF } from "./support.mjs";

const BARE = join(import.meta.dirname, "switch-bare.mjs");
const START_MS = 30_000;

const LISTENING = /^listening on (http:\/\/\S+)/;
const TOKEN = /^operator token: (\S+)/;

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {number} port
 * @property {number} pid
 * @property {string} token an operator's; empty for a server that asks for none
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop resolves when the process has ended
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {any} body
 *
 * @typedef {object} Caller
 * @property {(path: string) => Promise<Answer>} get
 * @property {(path: string, body: object) => Promise<Answer>} post
 * @property {() => void} close
 */

/**
 * The built service, for the first time on this data file.
 * @param {string} dataFile
 * @param {{ script?: string, under?: string[] }} [options] another build of it, and a program that runs it
 * @returns {Promise<Server>}
 */
export async function startService(dataFile, { script = CLAWPROOF, under = [] } = {}) {
  const { told, ...server } = await startServer([...under, ...serve(dataFile, script)], [LISTENING, TOKEN]);
  return { ...server, ...addressOf(told[0]), token: told[1] };
}

/** The built service on a data file that it knows. @returns {Promise<Server>} */
export async function restartService(dataFile, token) {
  const { told, ...server } = await startServer(serve(dataFile, CLAWPROOF), [LISTENING]);
  return { ...server, ...addressOf(told[0]), token };
}

/** @returns {Promise<Server>} */
export async function startBare() {
  const { told, ...server } = await startServer([process.execPath, BARE], [LISTENING]);
  return { ...server, ...addressOf(told[0]), token: "" };
}

const serve = (dataFile, script) => [process.execPath, script, "serve", "--listen", "127.0.0.1:0", "--data", dataFile];

const addressOf = (url) => ({ url, port: Number(new URL(url).port) });

/**
 * Runs a program and waits until it has printed a line for each of these patterns.
 * @param {string[]} command
 * @param {RegExp[]} patterns
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ told: string[], pid: number, stop: Server["stop"] }>} `told`: what the patterns' groups hold
 */
export async function startServer([program, ...args], patterns, env = process.env) {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const stop = async (signal = "SIGTERM") => {
    child.kill(signal);
    await ended;
  };
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (printed = (printed + chunk).slice(-2_000)));
  const told = patterns.map(() => undefined);
  const heard = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      printed = `${printed}${line}\n`.slice(-2_000);
      for (const [index, pattern] of patterns.entries()) told[index] ??= pattern.exec(line)?.[1];
      if (!told.includes(undefined)) resolve();
    });
  });
  const failed = (why) => new Error(`${args.slice(0, 2).join(" ")} ${why}: ${printed.trim()}`);
  try {
    const early = ended.then(() => Promise.reject(failed("ended at once")));
    await within(START_MS, Promise.race([heard, early]), () => failed("did not start in time"));
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  }
  return { told, pid: child.pid, stop };
}

/**
 * Rejects where the work takes longer.
 * @template T
 * @param {number} ms
 * @param {Promise<T>} work
 * @param {() => Error} tooLate
 * @returns {Promise<T>}
 */
export async function within(ms, work, tooLate) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(tooLate()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends requests over a connection that it keeps, and over others while that one is busy. @param {Server} server @returns {Caller} */
export function callerOf({ port, token }) {
  // No connection waits until the server closes it, which can cross with a request on it.
  const agent = new Agent({ keepAlive: true, noDelay: true, maxFreeSockets: 1 });
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const call = (method, path, body) =>
    new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, method, path, headers, agent }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        response.once("end", () => resolve({ status: response.statusCode, body: text && JSON.parse(text) }));
        response.once("error", reject);
      });
      sent.once("error", (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })));
      sent.end(body && JSON.stringify(body));
    });
  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    close: () => agent.destroy(),
  };
}

/** Asks for the state this often until it is stopped, which throws where a poll was not answered. */
export function pollState(caller, perSecond) {
  let refused;
  const poll = async () => {
    const { status } = await caller.get("/v1/state");
    if (status !== 200) throw new Error(`a state poll was answered ${status}`);
  };
  const timer = setInterval(() => void poll().catch((error) => (refused ??= error)), 1_000 / perSecond);
  return () => {
    clearInterval(timer);
    if (refused) throw refused;
  };
}

/** What a process holds in memory now, in megabytes. */
export async function residentMb(pid) {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)[1]) / 1_024;
}

/** For what a process holds open beside its clients. */
const SPARE_FILES = 100;

/** Why so many clients cannot be connected; null where they can. Node raises its own limit to the hard one. */
export async function tooFewFiles(clients) {
  const text = await readFile("/proc/self/limits", "utf8");
  const allowed = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(text)[1];
  const needed = clients + SPARE_FILES;
  return Number(allowed) < needed ? `ulimit -Hn is ${allowed}, and ${needed} files are needed` : null;
}
