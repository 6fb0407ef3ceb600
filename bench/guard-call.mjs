// What a guarded action costs beside breakers that judge one signal, in the same process, in turn.
import { SamplingBreaker, circuitBreaker, handleAll } from "cockatiel";
import Opossum from "opossum";
import { createGuard } from "../dist/index.js";
import { median } from "./support.mjs";

const CALLS = 200_000;
const TURNS = 15;
const BOUNDS = { cockatiel: 1.3, opossum: 0.3, check: 3 };
const INPUT = { amount: 12 };

const nanoseconds = (ns) => `${ns.toFixed(0)} ns`;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function call() {
  // Nothing listens at this address: the path under test asks nobody, and what is heard is set below by a switch "none".
  const guard = createGuard({
    agent: "bench",
    killSwitch: "none",
    breaker: { anomaly: (action) => action.input.amount > 500 },
  });
  const noop = async () => 1;
  const guarded = guard.action("noop", { run: noop });
  const signalled = guard.action("signalled", { run: async (_input, { signal }) => (signal.aborted ? 0 : 1) });
  const cockatiel = circuitBreaker(handleAll, {
    halfOpenAfter: 10_000,
    breaker: new SamplingBreaker({ threshold: 0.15, duration: 300_000 }),
  });
  const opossum = new Opossum(noop);
  let sum = 0;
  const times = await inTurns({
    guarded: (count) => repeated(count, () => guarded(INPUT)),
    signalled: (count) => repeated(count, () => signalled(INPUT)),
    cockatiel: (count) => repeated(count, () => cockatiel.execute(noop)),
    opossum: (count) => repeated(count, () => opossum.fire()),
    check(count) {
      for (let index = 0; index < count; index++) sum += guard.check("noop").allowed ? 1 : 0;
    },
    clock(count) {
      for (let index = 0; index < count; index++) sum += performance.now();
    },
  });
  opossum.shutdown();
  await guard.close();
  if (!(sum > 0)) throw new Error("nothing was measured");
  const rows = [];
  for (const peer of ["cockatiel", "opossum"]) {
    const ratio = times.guarded / times[peer];
    rows.push({
      what: `a guarded action, beside ${peer}`,
      measured: `${ratio.toFixed(2)} × (${nanoseconds(times.guarded)})`,
      bound: `≤ ${BOUNDS[peer]} ×`,
      peer: `${peer}: ${nanoseconds(times[peer])}`,
      met: ratio <= BOUNDS[peer],
    });
  }
  const withSignal = times.signalled / times.cockatiel;
  rows.push({
    what: "a guarded action that reads its signal",
    measured: `${withSignal.toFixed(2)} × (${nanoseconds(times.signalled)})`,
    bound: "-",
    peer: `cockatiel: ${nanoseconds(times.cockatiel)}`,
    met: true,
  });
  const check = times.check / times.clock;
  rows.push({
    what: "guard.check",
    measured: `${check.toFixed(2)} × (${nanoseconds(times.check)})`,
    bound: `≤ ${BOUNDS.check} ×`,
    peer: `one clock read: ${nanoseconds(times.clock)}`,
    met: check <= BOUNDS.check,
  });
  return rows;
}

async function repeated(count, act) {
  for (let index = 0; index < count; index++) await act();
}

/** Nanoseconds a call for each, the median of many turns; the first turns only warm up. */
async function inTurns(candidates) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let turn = -3; turn < TURNS; turn++) {
    for (const [name, act] of Object.entries(candidates)) {
      const began = process.hrtime.bigint();
      await act(CALLS);
      if (turn >= 0) times[name].push(Number(process.hrtime.bigint() - began) / CALLS);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}
