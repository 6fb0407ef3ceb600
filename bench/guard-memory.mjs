// Ten million calls within one window: memory must not grow with them, nor the time of a call. Beside it the obvious
// design, a list of calls that is filtered at each one, at what it takes with a thousandth of them.
import { createGuard } from "../dist/index.js";
import { milliseconds } from "./support.mjs";

const CALLS = 10_000_000;
const PART = 1_000_000;
const LIST_CALLS = 10_000;
const BOUND_MB = 1;
/** The last part may take so many times as long as the second: the machine does other things too. */
const FLAT = 1.5;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function memory() {
  if (globalThis.gc === undefined) {
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    globalThis.gc = runInNewContext("gc");
  }
  const guard = createGuard({
    agent: "bench",
    killSwitch: "none",
    breaker: { window: "1h", volumeSpikeFactor: 1e9, anomaly: () => false },
  });
  const act = guard.action("noop", { run: async () => 1 });
  const parts = [];
  await timedPart(act, parts);
  const before = heapMb();
  for (let done = PART; done < CALLS; done += PART) await timedPart(act, parts);
  const grown = heapMb() - before;
  await guard.close();
  const [, second] = parts;
  const last = Math.min(...parts.slice(-3));
  const list = listOfCalls();
  return [
    {
      what: "10 million calls in one window: memory",
      measured: `${grown.toFixed(2)} MB`,
      bound: `< ${BOUND_MB} MB`,
      peer: `a list of calls: ${list.mb.toFixed(1)} MB for ${LIST_CALLS.toLocaleString("en")}`,
      met: grown < BOUND_MB,
    },
    {
      what: "10 million calls in one window: time",
      measured: `the last million ${(last / second).toFixed(2)} × the second (${milliseconds(last)})`,
      bound: `≤ ${FLAT} ×`,
      peer: `a list of calls: ${list.usACall.toFixed(0)} µs a call at ${LIST_CALLS.toLocaleString("en")}`,
      met: last / second <= FLAT,
    },
  ];
}

async function timedPart(act, parts) {
  const began = performance.now();
  for (let index = 0; index < PART; index++) await act(index);
  parts.push(performance.now() - began);
}

function heapMb() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}

/** What breakers usually look like when they are sketched. */
function listOfCalls() {
  const before = heapMb();
  let calls = [];
  const act = () => {
    const now = Date.now();
    calls.push({ at: now, ok: true });
    calls = calls.filter(({ at }) => now - at < 3_600_000);
    return calls.filter(({ ok }) => !ok).length / calls.length;
  };
  for (let index = 0; index < LIST_CALLS; index++) act();
  const began = performance.now();
  for (let index = 0; index < 100; index++) act();
  const usACall = (performance.now() - began) * 10;
  const mb = heapMb() - before;
  return { usACall, mb: calls.length > 0 ? mb : 0 };
}
