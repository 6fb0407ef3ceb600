// `npm run bench [-- --only NAME]`: the figures that clawproof promises, each beside a peer that was measured in the same
// run. Exit status 1 when a bound is missed, 2 when a benchmark could not run.
import { parseArgs } from "node:util";

/** In this order, and each loaded on use. */
const BENCHES = {
  start: () => import("./start.mjs"),
  memory: () => import("./memory.mjs"),
  live: () => import("./live.mjs"),
  records: () => import("./records.mjs"),
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

function chosen() {
  const { only } = parseArgs({ options: { only: { type: "string", multiple: true, default: [] } } }).values;
  const unknown = only.find((name) => !(name in BENCHES));
  if (unknown !== undefined) throw new Error(`no benchmark "${unknown}"; there are ${Object.keys(BENCHES).join(", ")}`);
  return Object.keys(BENCHES).filter((name) => only.length === 0 || only.includes(name));
}

async function main() {
  const rows = [];
  for (const name of chosen()) {
    process.stderr.write(`measuring: ${name}\n`);
    const { default: bench } = await BENCHES[name]();
    rows.push(...(await bench()));
  }
  for (const line of table(rows)) console.log(line);
  if (rows.some(({ met }) => met === false)) process.exitCode = 1;
}

main().catch((error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
});
