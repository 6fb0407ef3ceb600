// Start-up: what a script that asks for the version, or a pull request that is audited offline, waits for.
import { inTurn, median, milliseconds, runNode, CLAWPROOF } from "./support.mjs";

const EMPTY = { words: "node -e 0", args: ["-e", "0"] };
const STARTS = [
  { words: "--version", bound: 1.6, args: [CLAWPROOF, "--version"] },
  {
    words: "--check 05 --offline",
    bound: 4,
    args: [CLAWPROOF, "--check", "05", "--offline", "-c", "fixtures/ready/clawproof.yaml"],
  },
];

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function start() {
  const times = await inTurn(
    [EMPTY, ...STARTS].map(
      ({ args }) =>
        () =>
          wall(args),
    ),
  );
  const [peer, ...ours] = times.map(median);
  return STARTS.map(({ words, bound }, index) => {
    const ratio = ours[index] / peer;
    return {
      what: `clawproof ${words}`,
      measured: `${ratio.toFixed(2)} × (${milliseconds(ours[index])})`,
      bound: `≤ ${bound} ×`,
      peer: `${EMPTY.words}: ${milliseconds(peer)}`,
      met: ratio <= bound,
    };
  });
}

async function wall(args) {
  const { wallMs, stderr } = await runNode(args);
  if (stderr !== "") throw new Error(`${args.join(" ")} complained: ${stderr.trim()}`);
  return wallMs;
}
