// What connected event clients cost the service in memory: the greatest resident set of its process while it sends them
// orders and beats, less what it held before they came.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectClients, timedOrder } from "./switch-fleet.mjs";
import { callerOf, residentMb, startBare, startService, tooFewFiles } from "./switch-support.mjs";

const COUNT = 5_000;
const BOUND_MB = 150;
const ORDERS = 30;
const PAUSE_MS = 100;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function memory() {
  const what = `memory that ${COUNT.toLocaleString("en")} clients cost`;
  const bound = `< ${BOUND_MB} MB`;
  const why = await tooFewFiles(COUNT);
  if (why !== null) return [{ what, measured: `not run (${why})`, bound, peer: "-", met: null }];
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  try {
    const ours = await costOf(await startService(join(folder, "switch.db")));
    const bare = await costOf(await startBare());
    const [measured, peer] = [ours, bare].map(words);
    return [{ what, measured, bound, peer: `bare node:http: ${peer}`, met: ours.withMb - ours.withoutMb < BOUND_MB }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const words = ({ withMb, withoutMb }) =>
  `${(withMb - withoutMb).toFixed(0)} MB (${withMb.toFixed(0)} MB, ${withoutMb.toFixed(0)} MB without)`;

async function costOf(server) {
  const caller = callerOf(server);
  try {
    const withoutMb = await greatest(server, () => caller.post("/v1/kill", { scope: "bench-agent", reason: "nobody" }));
    const clients = await connectClients(server, COUNT);
    const withMb = await greatest(server, () => timedOrder(caller, clients, "everybody"));
    await clients.close();
    return { withMb, withoutMb };
  } finally {
    caller.close();
    await server.stop();
  }
}

async function greatest({ pid }, order) {
  let mb = 0;
  for (let count = 0; count < ORDERS; count++) {
    await order();
    await delay(PAUSE_MS);
    mb = Math.max(mb, await residentMb(pid));
  }
  return mb;
}
