// Live audits of the sample agent, which the benchmarks of memory and of time share: each takes ten seconds.
import { stage, start, unstage } from "../fixtures/stage.mjs";
import { inTurn, runAudit, runNode } from "./support.mjs";

const PEAK = "require('node:fs').writeSync(3, String(process.resourceUsage().maxRSS / 1024))";

let measured;

/**
 * Audits a staged and started `ready`, in turn with an empty Node; once, whoever asks.
 * @returns {Promise<{ audits: Awaited<ReturnType<typeof runAudit>>[], empty: { wallMs: number, peakMb: number }[] }>}
 */
export function liveAudits() {
  return (measured ??= measure());
}

async function measure() {
  const folder = await stage("ready");
  try {
    const sample = await start(folder);
    try {
      const [audits, empty] = await inTurn([() => audit(folder), emptyNode]);
      return { audits, empty };
    } finally {
      await sample.stop();
    }
  } finally {
    await unstage(folder);
  }
}

async function audit(folder) {
  const one = await runAudit(["--check", "05"], folder);
  const unknown = one.report.suites[0].checks.filter((check) => check.unknown);
  // What could not be checked was not waited for either, so its figures would be too good.
  if (unknown.length > 0) throw new Error(`the sample could not be audited: ${unknown[0].message}`);
  return one;
}

async function emptyNode() {
  const { wallMs, figures } = await runNode(["-e", PEAK]);
  return { wallMs, peakMb: Number(figures) };
}
