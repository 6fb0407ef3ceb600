// The kill switch side by side with a feature flag service that is used as one: from the request that stops to each of
// 100 clients knowing it. Ours pushes; an unleash-client polls, every 15 s unless told otherwise.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seconds } from "./support.mjs";
import { connectClients, quantile, sinceThen, spread, startClients, timedOrder } from "./switch-fleet.mjs";
import { PEERS, TOGGLE, installPeers, peersInstalled, startUnleash } from "./switch-peers.mjs";
import { callerOf, startService } from "./switch-support.mjs";

const COUNT = 100;
/** A flip under the default polling takes up to half a minute, and tells as many times as there are clients. */
const PEER_RUNS = [
  { words: "its default polling (15 s)", intervalMs: 15_000, flips: 3, bound: 300 },
  { words: "polling each second", intervalMs: 1_000, flips: 30, bound: 50 },
];
/** Of ours for each flip of theirs. */
const ORDERS = 10;
const PAUSE_MS = 100;
const SLACK_MS = 20_000;
const CLIENTS = join(import.meta.dirname, "switch-unleash-clients.mjs");

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function unleash({ peers = false, runs = PEER_RUNS } = {}) {
  if (peers) await installPeers();
  if (!peersInstalled()) return runs.map((run) => notRun(run, "npm run bench -- --peers"));
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  const service = await startService(join(folder, "switch.db"));
  try {
    const peer = await startUnleash().catch((error) => error);
    if (peer instanceof Error) return runs.map((run) => notRun(run, peer.message));
    try {
      const rows = [];
      for (const run of runs) rows.push(await sideBySide(service, peer, run));
      return rows;
    } finally {
      await peer.stop();
    }
  } finally {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const whatOf = ({ words }) => `an order to ${COUNT} clients, beside Unleash, ${words}`;
const boundOf = ({ bound }) => `≥ ${bound} × faster`;
const notRun = (run, why) => ({
  what: whatOf(run),
  measured: `not run (${why})`,
  bound: boundOf(run),
  peer: "-",
  met: null,
});

async function sideBySide(service, peer, run) {
  // As the clients take it to be at first; an odd number of flips leaves it on.
  await peer.flip(false);
  const flags = await startClients(CLIENTS, [PEERS, peer.url, peer.clientToken, TOGGLE, COUNT, run.intervalMs], {
    // Once to connect them all, and once more for the last of them to poll.
    patienceMs: 2 * run.intervalMs + SLACK_MS,
  });
  const clients = await connectClients(service, COUNT);
  const caller = callerOf(service);
  const [ours, theirs] = [[], []];
  try {
    for (let flip = 0; flip < run.flips; flip++) {
      for (let order = 0; order < ORDERS; order++) {
        await delay(PAUSE_MS);
        ours.push(...(await timedOrder(caller, clients, "side by side")));
      }
      // At any moment between two polls.
      await delay(Math.random() * run.intervalMs);
      theirs.push(...(await timedFlip(peer, flags, flip % 2 === 0)));
    }
  } finally {
    caller.close();
    await clients.close();
    await flags.close();
  }
  const ratio = quantile(theirs, 0.5) / quantile(ours, 0.5);
  return {
    what: whatOf(run),
    measured: `${ratio.toFixed(0)} × faster (${spread(ours)})`,
    bound: boundOf(run),
    peer: `Unleash: ${spread(theirs, seconds)}`,
    met: ratio >= run.bound,
  };
}

async function timedFlip(peer, flags, on) {
  const sent = process.hrtime.bigint();
  await peer.flip(on);
  const { seen, arrivals } = await flags.arrivals();
  if (seen !== on) throw new Error(`the unleash-clients see the toggle ${seen ? "on" : "off"}`);
  return sinceThen(sent, arrivals);
}
