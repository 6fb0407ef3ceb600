// Many clients in a process of their own, and how long an order takes to reach them.
import { fork } from "node:child_process";
import { on, once } from "node:events";
import { join } from "node:path";
import { milliseconds } from "./support.mjs";
import { within } from "./switch-support.mjs";

const CLIENTS = join(import.meta.dirname, "switch-clients.mjs");
/** The longest wait for clients to connect, and for an order to reach them. */
const PATIENCE_MS = 30_000;

/**
 * Starts a process that plays many clients. It says `{ ready: true }`, then for each change `{ arrivals }`, when all of
 * its clients have it, and `{ lost }` with the reason where one of them fails.
 * @param {string} script
 * @param {unknown[]} args
 * @param {{ env?: NodeJS.ProcessEnv, patienceMs?: number }} [options]
 */
export async function startClients(script, args, { env = process.env, patienceMs = PATIENCE_MS } = {}) {
  const child = fork(script, args.map(String), { env });
  const said = on(child, "message");
  const ended = once(child, "exit");
  const gone = ended.then(() => ({ value: [{ lost: "the clients' process ended" }] }));
  const next = async () => {
    const late = () => new Error(`not all clients had it after ${patienceMs / 1_000} s`);
    const { value } = await within(patienceMs, Promise.race([said.next(), gone]), late);
    const [message] = value;
    if (message.lost) throw new Error(message.lost);
    return message;
  };
  const close = async () => {
    child.kill();
    await ended;
  };
  try {
    await next();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    /** What all clients have now, and when each had it, in nanoseconds. */
    async arrivals() {
      const message = await next();
      return { ...message, arrivals: message.arrivals.map(BigInt) };
    },
    close,
  };
}

/**
 * Event clients of a server, all in one other process.
 * @param {import("./switch-support.mjs").Server} server
 * @param {number} count
 */
export const connectClients = ({ port, token }, count) =>
  startClients(CLIENTS, [port, count], { env: { ...process.env, TOKEN: token } });

/**
 * Sends one order and waits until all clients have it.
 * @returns {Promise<number[]>} for each client, milliseconds from before the request was sent
 */
export async function timedOrder(caller, clients, reason) {
  const sent = process.hrtime.bigint();
  const { status, body } = await caller.post("/v1/kill", { scope: "bench-agent", reason });
  if (status !== 200) throw new Error(`an order was answered ${status}: ${JSON.stringify(body)}`);
  const { epoch, arrivals } = await clients.arrivals();
  if (epoch !== body.epoch) throw new Error(`the clients have epoch ${epoch}, not ${body.epoch}`);
  return sinceThen(sent, arrivals);
}

/** Milliseconds. @param {bigint} then @param {bigint[]} times */
export const sinceThen = (then, times) => times.map((at) => Number(at - then) / 1e6);

/** The value below which this share of all lies. @param {readonly number[]} values */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

/** @param {readonly number[]} values */
export function spread(values, unit = milliseconds) {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => unit(quantile(values, share)));
  return `p50 ${p50}, p99 ${p99}, max ${max}`;
}
