// What importing the guard adds to the start of an agent.
import { inTurn, median, milliseconds, runNode } from "./support.mjs";

const BOUND = 0.5;
const IMPORT = ["--input-type=module", "-e", 'import "./dist/index.js"'];
const EMPTY = ["--input-type=module", "-e", "0"];

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function load() {
  const times = await inTurn([["-e", "0"], EMPTY, IMPORT].map((args) => () => wall(args)));
  const [peer, empty, ours] = times.map(median);
  const ratio = (ours - empty) / peer;
  return [
    {
      what: "importing the guard adds",
      measured: `${ratio.toFixed(2)} × (${milliseconds(ours - empty)})`,
      bound: `≤ ${BOUND} ×`,
      peer: `node -e 0: ${milliseconds(peer)}`,
      met: ratio <= BOUND,
    },
  ];
}

async function wall(args) {
  const { wallMs, status, stderr } = await runNode(args);
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr.trim()}`);
  return wallMs;
}
