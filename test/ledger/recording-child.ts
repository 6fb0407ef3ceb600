// Records without end until it is killed: `begun ID` and `ended ID` go out as each is acknowledged. Arguments: the
// ledger's address, how many lanes record at once, and FULL or OFF for SQLite's syncing.
import { writeSync } from "node:fs";
import { openLedger } from "../../src/ledger/open.ts";

const STANDARD_OUTPUT = 1;
const [url = "", lanes = "1", synchronous = "FULL"] = process.argv.slice(2);
const ledger = await openLedger(url, { synchronous: synchronous === "OFF" ? "OFF" : "FULL" });

async function record(lane: number): Promise<never> {
  for (let number = 0; ; number++) {
    const target = `lane-${lane}/${number}`;
    const id = await ledger.begin({
      trace_id: `lane-${lane}`,
      agent: "child",
      type: "write",
      effect: "write",
      target,
      before: { target },
      undo_class: "reversible",
    });
    writeSync(STANDARD_OUTPUT, `begun ${id}\n`);
    await ledger.end(id, { status: "done", after: { target } });
    writeSync(STANDARD_OUTPUT, `ended ${id}\n`);
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, (_, lane) => record(lane)));
