// `npm run bench [-- [--only NAME]... [--peers]]`: the figures that clawproof promises, each beside a peer that was measured
// in the same run; `--only switch` runs all whose names begin so. `--peers` installs the peers that are programs of their
// own (190 MB, once). Exit status 1 when a bound is missed, 2 when a benchmark could not run.
import { parseArgs } from "node:util";

/** In this order, and each loaded on use. */
const BENCHES = {
  start: () => import("./start.mjs"),
  memory: () => import("./memory.mjs"),
  live: () => import("./live.mjs"),
  records: () => import("./records.mjs"),
  "rollback-undo": () => import("./rollback-undo.mjs"),
  "rollback-memory": () => import("./rollback-memory.mjs"),
  "switch-latency": () => import("./switch-latency.mjs"),
  "switch-memory": () => import("./switch-memory.mjs"),
  "switch-unleash": () => import("./switch-unleash.mjs"),
  "switch-kill9": () => import("./switch-kill9.mjs"),
  "switch-durability": () => import("./switch-durability.mjs"),
  "guard-call": () => import("./guard-call.mjs"),
  "guard-memory": () => import("./guard-memory.mjs"),
  "guard-import": () => import("./guard-import.mjs"),
  "guard-fleet": () => import("./guard-fleet.mjs"),
  "ledger-record": () => import("./ledger-record.mjs"),
  "ledger-durability": () => import("./ledger-durability.mjs"),
  "ledger-trace": () => import("./ledger-trace.mjs"),
};
const HEADINGS = { what: "what", measured: "measured", bound: "bound", peer: "in the same run", met: "" };

/** @param {import("./support.mjs").Row[]} rows */
function table(rows) {
  const lines = [HEADINGS, ...rows.map((row) => ({ ...row, met: verdict(row) }))];
  const columns = Object.keys(HEADINGS);
  const width = (column) => Math.max(...lines.map((line) => line[column].length));
  const widths = columns.map(width);
  return lines.map((line) =>
    columns
      .map((column, index) => line[column].padEnd(widths[index]))
      .join("  ")
      .trimEnd(),
  );
}

function verdict({ met }) {
  if (met === null) return "skipped";
  return met ? "met" : "MISSED";
}

const meant = (wanted) => (name) => name === wanted || name.startsWith(`${wanted}-`);

function chosen(only) {
  const names = Object.keys(BENCHES);
  const unknown = only.find((wanted) => !names.some(meant(wanted)));
  if (unknown !== undefined) throw new Error(`no benchmark "${unknown}"; there are ${names.join(", ")}`);
  return names.filter((name) => only.length === 0 || only.some((wanted) => meant(wanted)(name)));
}

async function main() {
  const { only, peers } = parseArgs({
    options: { only: { type: "string", multiple: true, default: [] }, peers: { type: "boolean", default: false } },
  }).values;
  const rows = [];
  for (const name of chosen(only)) {
    process.stderr.write(`measuring: ${name}\n`);
    const { default: bench } = await BENCHES[name]();
    rows.push(...(await bench({ peers })));
  }
  for (const line of table(rows)) console.log(line);
  if (rows.some(({ met }) => met === false)) process.exitCode = 1;
}

main().catch((error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
});
