// Memory: the peak of the resident set of the process that plans a rollback, takes ten thousand actions back by their rows,
// or lists, on a ledger of a million actions. Of peaks the greatest counts. Ledger and table are filled by the database
// itself, for this run alone.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Libsql from "libsql";
import { built } from "./ledger-support.mjs";
import { CLAWPROOF, HOOK, runNode } from "./support.mjs";

const ROWS = 1_000_000;
const BOUND_MB = 150;
const UNDONE = 10_000;
const CUSTOMERS = 100_000;
const EPOCH = 1_700_000_000_000;
const COMMANDS = [
  { argv: ["rollback", "--trace", "trace-10000", "--dry-run"], words: "planning 50 actions" },
  {
    argv: ["rollback", "--since", new Date(EPOCH + ROWS - UNDONE + 1).toISOString(), "--yes"],
    words: `taking back ${UNDONE.toLocaleString("en")} actions with sql`,
    says: `Tried ${UNDONE} actions: ${UNDONE} undone\nNothing is left.\n`,
  },
  { argv: ["ledger", "list", "--limit", "1000"], words: "listing 1,000 actions" },
];
const CONFIG = `version: 1
agent: { name: support }
rollback: { ledger: "sqlite:actions.db", undo: { update: { sql: { database: "sqlite:app.db", table: accounts, key: [id] } } } }
`;
/** Each takes a customer from no plan to one; the newest on a customer is what stands there. */
const FILL = `
  with recursive numbers (i, id) as (select 1, 1 union all select i + 1, (i + 1) % ${CUSTOMERS} from numbers where i < ${ROWS})
  insert into clawproof_actions (id, trace_id, agent, type, effect, target, drill, status, captured, undo,
    started_at, ended_at, undo_class, undo_status)
  select printf('action-%08d', i), 'trace-' || (i / 50), 'support', 'update', 'write', 'account/' || id, 0, 'done',
    json_object('v', 1, 'table', 'main.accounts', 'columns', json('["id","name","plan"]'), 'generated', json('[]'),
      'identity', json('["id"]'), 'key', json_object('id', '' || id),
      'before', json_array(json_array('' || id, quote('Name ' || id), quote('none'))),
      'after', json_array(json_array('' || id, quote('Name ' || id), quote('plus')))),
    json_object('form', 'sql', 'key', json_object('id', id)),
    ${EPOCH} + i, ${EPOCH} + i + 1, 'reversible', 'none' from numbers`;
const ACCOUNTS = `
  create table accounts (id integer primary key, name text, plan text);
  insert into accounts with recursive ids (id) as (select 0 union all select id + 1 from ids where id < ${CUSTOMERS - 1})
    select id, 'Name ' || id, 'plus' from ids`;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function rollbackMemory() {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  try {
    const { openLedger } = await import(pathToFileURL(await built("src/ledger/open.ts", "ledger")).href);
    await (await openLedger("sqlite:actions.db", { directory: folder })).close();
    for (const [name, text] of [
      ["actions.db", FILL],
      ["app.db", ACCOUNTS],
    ]) {
      const file = new Libsql(join(folder, name));
      file.exec("pragma synchronous = off");
      file.exec(text);
      file.close();
    }
    await writeFile(join(folder, "clawproof.yaml"), CONFIG);
    const rows = [];
    for (const { argv, words, says = "" } of COMMANDS) {
      const run = await runNode(["--import", HOOK, CLAWPROOF, ...argv], folder);
      if (run.stdout === "" || !run.stdout.endsWith(says)) {
        throw new Error(`clawproof ${argv.join(" ")} did not do its work: ${run.stdout.slice(-200)}${run.stderr}`);
      }
      const { peakMb } = JSON.parse(run.figures);
      rows.push({
        what: `${words} among ${ROWS.toLocaleString("en")}`,
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
