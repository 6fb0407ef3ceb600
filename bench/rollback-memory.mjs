// Memory: the peak of the resident set of the process that plans a rollback, or lists, on a ledger of a million actions. Of
// peaks the greatest counts. The ledger is filled by the database itself, for this run alone.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Libsql from "libsql";
import { built } from "./ledger-support.mjs";
import { CLAWPROOF, HOOK, runNode } from "./support.mjs";

const ROWS = 1_000_000;
const BOUND_MB = 150;
const COMMANDS = [
  ["rollback", "--trace", "trace-10000", "--dry-run"],
  ["ledger", "list", "--limit", "1000"],
];
const CONFIG = `version: 1
agent: { name: support }
rollback: { ledger: "sqlite:actions.db", undo: { update: { irreversible: call the customer } } }
`;
const FILL = `
  with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < ${ROWS})
  insert into clawproof_actions (id, trace_id, agent, type, effect, target, drill, status, "before", "after",
    started_at, ended_at, undo_class, undo_status)
  select printf('action-%08d', i), 'trace-' || (i / 50), 'support', 'update', 'write', 'account/' || (i % 1000), 0, 'done',
    '{"id":1,"seats":1}', '{"id":1,"seats":2}', 1700000000000 + i, 1700000000001 + i, 'reversible', 'none' from numbers`;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function rollbackMemory() {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  try {
    const { openLedger } = await import(pathToFileURL(await built("src/ledger/open.ts", "ledger")).href);
    await (await openLedger("sqlite:actions.db", { directory: folder })).close();
    const file = new Libsql(join(folder, "actions.db"));
    file.exec("pragma synchronous = off");
    file.exec(FILL);
    file.close();
    await writeFile(join(folder, "clawproof.yaml"), CONFIG);
    const rows = [];
    for (const argv of COMMANDS) {
      const run = await runNode(["--import", HOOK, CLAWPROOF, ...argv], folder);
      if (run.stdout === "") throw new Error(`clawproof ${argv[0]} printed nothing: ${run.stderr}`);
      const { peakMb } = JSON.parse(run.figures);
      rows.push({
        what: `clawproof ${argv.slice(0, 2).join(" ")} among ${ROWS.toLocaleString("en")} actions`,
        measured: `peak ${peakMb.toFixed(0)} MB`,
        bound: `< ${BOUND_MB} MB`,
        peer: "-",
        met: peakMb < BOUND_MB,
      });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
