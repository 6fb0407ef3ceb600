// Whether an action's row, and its end, are on the disk before the agent is told, as the kernel saw it: under strace, the
// write-ahead log is written to and synced between two acknowledgements of a process that records one at a time. The
// control, the same process with syncing off, must fail the same test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { built } from "./ledger-support.mjs";
import { straceCommand, syncedWhenPrinted, wholeTrace, whyNoTrace } from "./switch-strace.mjs";

const ACTIONS = 50;
const WHAT = `${ACTIONS} actions on the disk before each is answered`;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function durability() {
  const why = await whyNoTrace();
  if (why !== null) return [{ what: WHAT, measured: `not run (${why})`, bound: "all of them", peer: "-", met: null }];
  const folder = await mkdtemp(join(await realpath(tmpdir()), "clawproof-bench-"));
  try {
    const child = await built("test/ledger/recording-child.ts", "ledger-child");
    const ours = await syncedOf(child, folder, "FULL");
    const control = await syncedOf(child, folder, "OFF");
    return [
      {
        what: WHAT,
        measured: `${ours.synced} of ${ours.told}`,
        bound: "all of them, and the control fails",
        peer: `control, synchronous=OFF: ${control.synced} of ${control.told}`,
        met: ours.synced === ours.told && ours.told >= ACTIONS && control.synced < control.told,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of the begins and ends that were told: how many were on the disk by then. */
async function syncedOf(child, folder, synchronous) {
  const file = join(folder, `${synchronous}.db`);
  const output = join(folder, `${synchronous}.trace`);
  const [command, ...rest] = [...straceCommand(output), process.execPath, child, `sqlite:${file}`, "1", synchronous];
  const traced = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  const enough = new Promise((resolve) => {
    traced.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      if (text.split("\n").length > 2 * ACTIONS) resolve();
    });
  });
  await enough;
  const over = once(traced, "close");
  traced.kill("SIGKILL");
  await over;
  const told = syncedWhenPrinted(await wholeTrace(output, traced.pid), `${file}-wal`);
  return { told: told.length, synced: told.filter(Boolean).length };
}
