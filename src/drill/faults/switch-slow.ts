import { measure } from "../../rehearsal/measure.ts";
import { held, pause } from "../../rehearsal/pause.ts";
import type { Work } from "../../rehearsal/work.ts";
import {
  broke,
  type Finding,
  heldUp,
  say,
  statusWithin,
  stopFault,
  stopWithin,
  type Trial,
  unproven,
} from "./trial.ts";

const ASKED_BEFORE = 3;
const ASKED_DURING = 8;

/** No work is observed here: it is the switch that is looked at. */
const NO_WORK: Work = {
  hasSink: false,
  observed: false,
  trouble: () => null,
  onLook: () => undefined,
  endedEarly: () => false,
  end: async () => undefined,
};

/** The switch is stopped most of the time: it must take an order all the same, and the agent must obey in time. */
export async function switchSlow(trial: Trial): Promise<Finding> {
  const { figures } = trial;
  const usual = await slowest(trial, ASKED_BEFORE, Number.POSITIVE_INFINITY);
  if (typeof usual === "string") return unproven(`the switch's status before it was slowed: ${usual}`);
  say(trial, "slowing the switch");
  const pulses = pulse(trial);
  try {
    const wanted = usual + figures.pulseStopped / 4;
    const slow = await slowest(trial, ASKED_DURING, wanted);
    if (typeof slow === "string") return broke(`the slow switch's status: ${slow}`, { usual }, false);
    if (slow < wanted) return unproven("the switch answered as fast as before: nothing slowed it", { usual, slow });
    return await orderWhileSlow(trial, { usual, slow });
  } finally {
    await pulses.end();
  }
}

async function orderWhileSlow(trial: Trial, ms: Finding["ms"]): Promise<Finding> {
  const { order, gathering, prober, steady, limits, figures } = trial;
  trial.pulled = "if-logged";
  const lastStart = gathering.clock.monotonic();
  const measured = await measure({
    order,
    gathering,
    prober,
    steady: { ...steady, lastStart },
    work: NO_WORK,
    limits,
    activated: (taken) => {
      if ("answeredAt" in taken) trial.pulled = "surely";
    },
  });
  if ("why" in measured) return broke(measured.why, ms, false);
  ms["order"] = measured.answeredAfterMs;
  const { stop } = measured;
  if (stop.state === "stopped") ms["stop"] = stop.ms;
  if (measured.answeredAfterMs > figures.answer)
    return broke("the slow switch took too long to take the order", ms, false);
  const fault = stopFault({ stop, lastAcceptedMs: null }, stopWithin(gathering));
  if (fault === null) return heldUp(ms, true);
  return fault.unclear ? unproven(fault.why, ms) : broke(fault.why, ms, true);
}

/** Asks the switch's status so often, or until an answer took `enough`: how long the slowest took, or why none came. */
async function slowest(trial: Trial, times: number, enough: number): Promise<number | string> {
  const { gathering, order, figures } = trial;
  let most = 0;
  for (let asked = 0; asked < times && most < enough; asked++) {
    const before = gathering.clock.monotonic();
    const said = await statusWithin(order, figures.answer, gathering.signal);
    if (typeof said === "object") return said.why;
    most = Math.max(most, gathering.clock.monotonic() - before);
  }
  return most;
}

/** Stops and runs the switch in turn until `end`, which leaves it running. Rejects there with what went wrong meanwhile. */
function pulse({ target, figures, gathering }: Trial): { end(): Promise<void> } {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, gathering.signal]);
  const beat = async (): Promise<void> => {
    while (!signal.aborted) {
      await target.freeze();
      await pause(figures.pulseStopped, signal);
      await target.thaw();
      await pause(figures.pulseRunning, signal);
    }
  };
  const beating = held(beat());
  return {
    async end() {
      ended.abort();
      await beating;
    },
  };
}
