// Whether an order is on the disk before anybody is told of it, as the kernel saw it: under strace, the write-ahead log is
// synced after its last write and before the first byte about the order leaves through a socket. The control, the same
// service told not to sync, must fail the same test.
import { cp, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { CLAWPROOF, ROOT } from "./support.mjs";
import { connectClients, timedOrder } from "./switch-fleet.mjs";
import { straceCommand, syncedWhenTold, wholeTrace, whyNoTrace } from "./switch-strace.mjs";
import { callerOf, startService } from "./switch-support.mjs";

const ORDERS = 50;
const WHAT = `${ORDERS} orders synced before anybody is told`;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function durability() {
  const why = await whyNoTrace();
  if (why !== null) return [{ what: WHAT, measured: `not run (${why})`, bound: "all of them", peer: "-", met: null }];
  const folder = await mkdtemp(join(await realpath(tmpdir()), "clawproof-bench-"));
  try {
    const ours = await syncedOf(CLAWPROOF, join(folder, "ours"));
    const control = await syncedOf(await buildControl(), join(folder, "control"));
    return [
      {
        what: WHAT,
        measured: `${ours} of ${ORDERS}`,
        bound: "all of them, and the control fails",
        peer: `control, synchronous=OFF: ${control} of ${ORDERS}`,
        met: ours === ORDERS && control < ORDERS,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How many orders were on the disk when the first byte about them left. */
async function syncedOf(script, folder) {
  await mkdir(folder);
  const dataFile = join(folder, "switch.db");
  const output = join(folder, "trace");
  const marks = Array.from({ length: ORDERS }, (_, index) => `traced-${index}`);
  const service = await startService(dataFile, { script, under: straceCommand(output) });
  try {
    const clients = await connectClients(service, 1);
    const caller = callerOf(service);
    for (const mark of marks) await timedOrder(caller, clients, mark);
    caller.close();
    await clients.close();
  } finally {
    await service.stop();
  }
  const told = syncedWhenTold(await wholeTrace(output, service.pid), `${dataFile}-wal`, marks);
  if (told.size < ORDERS) throw new Error(`the trace shows only ${told.size} of ${ORDERS} orders`);
  return [...told.values()].filter((synced) => synced).length;
}

/** Where the packages that it does not bundle are found. */
const CONTROL = join(ROOT, "node_modules", ".cache", "clawproof-bench");

async function buildControl() {
  const outfile = join(CONTROL, "switch-unsynced.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "switch-unsynced.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  await cp(join(ROOT, "src", "switch", "service", "page"), join(CONTROL, "page"), { recursive: true });
  return outfile;
}
