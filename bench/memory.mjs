// Memory: the peak of the resident set of the process that audits, over whole live audits. Peaks do not average: the
// greatest counts.
import { liveAudits } from "./audits.mjs";
import { median } from "./support.mjs";

const BOUND_MB = 150;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function memory() {
  const { audits, empty } = await liveAudits();
  const peaks = audits.map(({ peakMb }) => peakMb);
  const greatest = Math.max(...peaks);
  return [
    {
      what: "peak memory of a live audit",
      measured: `${greatest.toFixed(0)} MB (median ${median(peaks).toFixed(0)} MB)`,
      bound: `< ${BOUND_MB} MB`,
      peer: `node -e 0: ${median(empty.map(({ peakMb }) => peakMb)).toFixed(0)} MB`,
      met: greatest < BOUND_MB,
    },
  ];
}
