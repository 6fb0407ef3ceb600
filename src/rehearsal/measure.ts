import type { Gathering } from "../evidence/gathering.ts";
import type { OrderNumber, StopOutcome } from "../evidence/facts.ts";
import { type Activation, activate } from "./activation.ts";
import type { Limits } from "./limits.ts";
import { held } from "./pause.ts";
import type { Probed } from "./probe.ts";
import type { Prober } from "./prober.ts";
import { noReads, type ReadCounts, readBeside } from "./reads.ts";
import type { Steady } from "./steady.ts";
import { fillingOf, type Order } from "./switch-order.ts";
import { createTimeline, type Timeline } from "./timeline.ts";
import type { Work } from "./work.ts";

/** Steps 2 and 3 of a rehearsal: pull, and probe until it is clear when writes stopped (contract, 2.4). */

/** A person reads no faster. */
const SHOW_EVERY_MS = 200;

export interface Measuring {
  order: Order;
  gathering: Gathering;
  prober: Prober;
  steady: Steady;
  work: Work;
  limits: Limits;
  /** Told when the order was taken or not, as soon as that is known. */
  activated(activation: Activation): void;
}

export interface Measured {
  /** Monotonic: when the order was sent. */
  sentAt: number;
  answeredAfterMs: number;
  /** On a switch of ours. */
  number: OrderNumber | null;
  stop: StopOutcome;
  timeline: Timeline;
  reads: ReadCounts;
  /** The last write that was refused, and the first whose answer said nothing. */
  refusal: Probed | null;
  unclear: Probed | null;
}

/** Throws Interrupted; `why` where the switch did not take the order. */
export async function measure(measuring: Measuring): Promise<Measured | { why: string }> {
  const { order, gathering, work, limits } = measuring;
  const { project, signal } = gathering;
  const beside = new AbortController();
  const read = project.config.agent.probes?.read;
  const reads = noReads();
  const reading = {
    project,
    filling: fillingOf(order, "probe"),
    signal: AbortSignal.any([signal, beside.signal]),
  };
  const besides = held(read ? readBeside({ ...reading, read }, limits.readEvery, reads) : Promise.resolve());
  try {
    const probed = await probeUntilClear(measuring);
    return "why" in probed ? probed : { ...probed, reads };
  } finally {
    work.onLook(() => undefined);
    beside.abort();
    await besides;
  }
}

async function probeUntilClear(measuring: Measuring): Promise<Omit<Measured, "reads"> | { why: string }> {
  const { order, gathering, prober, steady, work, limits } = measuring;
  const { clock } = gathering;
  const { lastStart, instances } = steady;
  const timeline = createTimeline({ lastStart, instances, sink: work.hasSink, limits });
  work.onLook((at, landed, sinceMs) => timeline.looked(at, landed, sinceMs));
  // What the doors still look up is no part of the time; the true moment comes with the answer.
  const began = clock.monotonic();
  timeline.pulled(began);
  let activation: Activation | null = null;
  const sending = activate(order).then((taken) => {
    activation = taken;
    timeline.pulled(taken.sentAt);
    if ("answeredAt" in taken) timeline.answered(taken.answeredAt);
    measuring.activated(taken);
    return taken;
  });
  const activating = held(sending);
  const isOver = (): boolean => timeline.outcome() !== null || (activation !== null && "why" in activation);
  let shownAt = 0;
  let refusal: Probed | null = null;
  let unclear: Probed | null = null;
  try {
    while (!isOver()) {
      const probed = await prober.next();
      timeline.take(probed);
      if (probed.heard.kind === "refused") refusal = probed;
      if (probed.heard.kind === "neither") unclear ??= probed;
      if (clock.monotonic() - shownAt < SHOW_EVERY_MS) continue;
      shownAt = clock.monotonic();
      show(gathering, order.scope, probed, began);
    }
  } finally {
    // Nobody may put back before the switch has had its say: an order that is still under way would come after.
    await activating;
  }
  const taken = await activating;
  if ("why" in taken) return { why: `the switch did not take the order: ${taken.why}` };
  const stop = timeline.outcome() ?? { state: "unknown", why: "it ended before the stop was seen" };
  const { sentAt, answeredAt, number } = taken;
  return { sentAt, answeredAfterMs: answeredAt - sentAt, number, stop, timeline, refusal, unclear };
}

function show({ progress, clock }: Gathering, scope: string, { heard }: Probed, began: number): void {
  const after = ((clock.monotonic() - began) / 1_000).toFixed(1);
  const writes = heard.kind === "accepted" ? "still accepted" : heard.kind === "refused" ? "refused" : "unclear";
  progress.show(`pulling the kill switch on ${scope} … writes ${writes} after ${after} s`);
}
