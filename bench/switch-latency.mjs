// From sending an order (signed in, made durable, logged) to an event client having it, while the state is polled beside
// it; in turn with a bare server that does nothing of all that but push.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectClients, quantile, spread, timedOrder } from "./switch-fleet.mjs";
import { callerOf, pollState, startBare, startService, tooFewFiles } from "./switch-support.mjs";

const LEVELS = [100, 1_000, 5_000];
const BOUND = 3;
const POLLS_A_SECOND = 50;
/** Each server has this many turns, with clients of its own, and this many orders in each. */
const TURNS = 4;
const ORDERS = 25;
/** Of each turn's first orders, which only warm up. */
const WARM_UP = 3;
/** Between orders, at random, so that they meet the beats at any moment. */
const PAUSE_MS = [60, 160];

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function latency({ levels = LEVELS } = {}) {
  const rows = [];
  for (const count of levels) rows.push(await atLevel(count));
  return rows;
}

async function atLevel(count) {
  const what = `an order to ${count.toLocaleString("en")} clients, p99`;
  const bound = `≤ ${BOUND} ×`;
  const why = await tooFewFiles(count);
  if (why !== null) return { what, measured: `not run (${why})`, bound, peer: "-", met: null };
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  const servers = [];
  try {
    servers.push(await startBare());
    servers.push(await startService(join(folder, "switch.db")));
    const [bare, ours] = await inTurns(servers, count);
    const ratio = quantile(ours, 0.99) / quantile(bare, 0.99);
    return {
      what,
      measured: `${ratio.toFixed(2)} × (${spread(ours)})`,
      bound,
      peer: `bare node:http: ${spread(bare)}`,
      met: ratio <= BOUND,
    };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function inTurns(servers, count) {
  const measured = servers.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [index, server] of servers.entries()) measured[index].push(await oneTurn(server, count));
  }
  return measured.map((times) => times.flat());
}

async function oneTurn(server, count) {
  const clients = await connectClients(server, count);
  const [caller, poller] = [callerOf(server), callerOf(server)];
  const stopPolls = pollState(poller, POLLS_A_SECOND);
  const times = [];
  try {
    for (let order = -WARM_UP; order < ORDERS; order++) {
      await delay(between(PAUSE_MS));
      const arrived = await timedOrder(caller, clients, `bench ${randomBytes(4).toString("hex")}`);
      if (order >= 0) times.push(arrived);
    }
  } finally {
    stopPolls();
    await clients.close();
    caller.close();
    poller.close();
  }
  return times.flat();
}

const between = ([least, most]) => least + Math.random() * (most - least);
