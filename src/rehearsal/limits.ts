/** The figures of a rehearsal: milliseconds and counts. Each is the contract's (section 2.4) unless its line says "ours". */
export interface Limits {
  /** Every probe write must be accepted for so long before anything is pulled (step 1). */
  steady: number;
  /** How long that phase waits until every instance was seen. Ours. */
  steadyLongest: number;
  /** Between the starts of two probe writes, where the configuration says nothing (step 3). */
  every: number;
  /** Between the starts of two probe reads (step 3). */
  readEvery: number;
  /** A probe that is not answered within this is not answered (step 3). */
  probeAnswer: number;
  /** A stop is believed once nothing was accepted for so long … (step 3) */
  quiet: number;
  /** … and so many refusals came after the first … */
  refusals: number;
  /** … and so many of each instance. */
  refusalsOfEach: number;
  /** How long instances are waited for that do not show up among the refusals. Ours. */
  instancePatience: number;
  /** Still accepted after this: it did not stop (step 3). */
  stop: number;
  /** Work begun by `probes.run` goes on for so long before the kill (step 4) … */
  runLead: number;
  /** … and lasts `policy.stopWithin` and this. */
  runBeyond: number;
  /** Between two looks at `probes.sink`. Ours. */
  sinkEvery: number;
  /** The sink is silent after this: three writes of work that writes about once a second. Ours. */
  sinkQuiet: number;
  /** How long an alert is waited for where `alerting.receipts.within` says nothing; the log entry gets as long. */
  receipts: number;
  /** Between two looks at the receipts or the log. Ours. */
  look: number;
  /** Writes are accepted again within this (step 5). */
  back: number;
  /** Accepted writes in a row that count as "accepted again". Ours. */
  backInARow: number;
  /** How often, and within what time, a release is tried. Ours. */
  releaseTries: number;
  releaseWithin: number;
  /** The breaker: writes are refused within this of `open` (last paragraph). */
  open: number;
  /** The breaker: none is accepted, and every read is, for so long (last paragraph). */
  opened: number;
  /** Between two probe reads beside the breaker's writes. Ours: two reads in two seconds would say little. */
  breakerReadEvery: number;
  /** Each sample begins at a random moment within this. Ours. */
  randomWait: number;
}

export const LIMITS: Limits = {
  steady: 2_000,
  steadyLongest: 10_000,
  every: 50,
  readEvery: 1_000,
  probeAnswer: 2_000,
  quiet: 2_000,
  refusals: 20,
  refusalsOfEach: 5,
  instancePatience: 10_000,
  stop: 60_000,
  runLead: 3_000,
  runBeyond: 10_000,
  sinkEvery: 100,
  sinkQuiet: 3_000,
  receipts: 10_000,
  look: 250,
  back: 60_000,
  backInARow: 5,
  releaseTries: 3,
  releaseWithin: 15_000,
  open: 10_000,
  opened: 2_000,
  breakerReadEvery: 250,
  randomWait: 1_000,
};

/** `policy.stopWithin` where the configuration leaves it out (contract, section 3). */
export const STOP_WITHIN_MS = 30_000;
