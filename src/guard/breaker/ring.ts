/** What a window, or a part of one, has seen. */
export interface Counts {
  begun: number;
  anomalous: number;
  ended: number;
  failed: number;
  endedWrites: number;
  failedWrites: number;
}

export interface SavedRing {
  windowMs: number;
  /** From the moment of saving until the newest bucket is over; null while nothing is counted. */
  bucketLeftMs: number | null;
  /** Oldest first. */
  buckets: Counts[];
  /** Actions begun in each bucket's time before the window, oldest first. */
  baseline: number[];
}

/** The window moves by a thirtieth of itself. */
export const BUCKETS = 30;
/** 12 windows. */
export const BASELINE_BUCKETS = 12 * BUCKETS;
const BASELINE_AT_LEAST = 3 * BUCKETS;

const nothing = (): Counts => ({ begun: 0, anomalous: 0, ended: 0, failed: 0, endedWrites: 0, failedWrites: 0 });

export interface RingSettings {
  windowMs: number;
  volumeSpikeFactor: number;
  minimumSamples: number;
}

/**
 * The newest window as a ring of buckets, and before it the volume of twelve windows. Buckets begin when counting begins;
 * a time earlier than the newest bucket counts into that bucket.
 */
export class Ring {
  /** The sum of the buckets. */
  readonly window: Counts = nothing();
  /** More actions than this in the window are a spike; NaN (above which nothing is) while there is no verdict. */
  spikeAbove = Number.NaN;

  readonly #settings: RingSettings;
  readonly #bucketMs: number;
  readonly #buckets: readonly Counts[] = Array.from({ length: BUCKETS }, nothing);
  #newest = 0;
  #current: Counts = nothing();
  /** Buckets since counting began, this one included; 0 while nothing is counted. */
  #live = 0;
  #bucketEnds = Number.POSITIVE_INFINITY;

  readonly #baseline = new Float64Array(BASELINE_BUCKETS);
  #baselineNext = 0;
  #baselineLength = 0;
  #baselineSum = 0;

  constructor(settings: RingSettings, now: number) {
    this.#settings = settings;
    this.#bucketMs = settings.windowMs / BUCKETS;
    this.start(now);
  }

  /** Actions begun in a usual window; null while fewer than three windows are known. */
  get usual(): number | null {
    return this.#baselineLength < BASELINE_AT_LEAST ? null : (this.#baselineSum * BUCKETS) / this.#baselineLength;
  }

  /** To be called before anything is counted or read. */
  advance(now: number): void {
    if (now >= this.#bucketEnds) this.#step(now);
  }

  begun(isAnomalous: boolean): void {
    this.window.begun += 1;
    this.#current.begun += 1;
    if (!isAnomalous) return;
    this.window.anomalous += 1;
    this.#current.anomalous += 1;
  }

  ended(isWrite: boolean, isOk: boolean): void {
    const { window } = this;
    const current = this.#current;
    window.ended += 1;
    current.ended += 1;
    if (isWrite) {
      window.endedWrites += 1;
      current.endedWrites += 1;
    }
    if (isOk) return;
    window.failed += 1;
    current.failed += 1;
    if (!isWrite) return;
    window.failedWrites += 1;
    current.failedWrites += 1;
  }

  /** An empty window that begins now, beside the baseline as it stands. */
  start(now: number): void {
    this.#clearWindow();
    this.#live = 1;
    this.#bucketEnds = now + this.#bucketMs;
  }

  /** Drops the window, so that neither its spike nor the quiet after it becomes the baseline. */
  stop(): void {
    this.#clearWindow();
    this.#live = 0;
    this.#bucketEnds = Number.POSITIVE_INFINITY;
  }

  save(now: number): SavedRing {
    const start = this.#baselineNext - this.#baselineLength + BASELINE_BUCKETS;
    return {
      windowMs: this.#settings.windowMs,
      bucketLeftMs: this.#live === 0 ? null : this.#bucketEnds - now,
      buckets: Array.from({ length: this.#live }, (_, index) => ({
        ...this.#bucketAt(this.#newest - this.#live + 1 + index),
      })),
      baseline: Array.from(
        { length: this.#baselineLength },
        (_, index) => this.#baseline[(start + index) % BASELINE_BUCKETS] ?? 0,
      ),
    };
  }

  /** Goes on from what was saved `elapsedMs` ago. Counts of windows of another length say nothing about these. */
  restore(saved: SavedRing, now: number, elapsedMs: number): void {
    if (saved.windowMs !== this.#settings.windowMs) {
      if (saved.bucketLeftMs === null) this.stop();
      return;
    }
    for (const begun of saved.baseline) this.#remember(begun);
    this.#setLimit();
    this.stop();
    if (saved.bucketLeftMs === null) return;
    for (const bucket of saved.buckets) {
      this.#newest = (this.#newest + 1) % BUCKETS;
      this.#current = this.#bucketAt(this.#newest);
      Object.assign(this.#current, bucket);
      add(this.window, bucket, 1);
    }
    this.#live = saved.buckets.length;
    this.#bucketEnds = now + saved.bucketLeftMs - elapsedMs;
  }

  #step(now: number): void {
    const steps = Math.floor((now - this.#bucketEnds) / this.#bucketMs) + 1;
    this.#bucketEnds += steps * this.#bucketMs;
    if (steps >= BUCKETS + BASELINE_BUCKETS) this.#forget();
    else for (let step = 0; step < steps; step += 1) this.#turn();
    this.#setLimit();
  }

  #turn(): void {
    this.#newest = (this.#newest + 1) % BUCKETS;
    this.#current = this.#bucketAt(this.#newest);
    if (this.#live < BUCKETS) {
      this.#live += 1;
      return;
    }
    this.#remember(this.#current.begun);
    add(this.window, this.#current, -1);
    Object.assign(this.#current, nothing());
  }

  /** So long without a call that all that is known is quiet. */
  #forget(): void {
    this.#clearWindow();
    this.#live = BUCKETS;
    this.#baseline.fill(0);
    this.#baselineLength = BASELINE_BUCKETS;
    this.#baselineSum = 0;
  }

  #remember(begun: number): void {
    this.#baselineSum += begun - (this.#baseline[this.#baselineNext] ?? 0);
    this.#baseline[this.#baselineNext] = begun;
    this.#baselineNext = (this.#baselineNext + 1) % BASELINE_BUCKETS;
    this.#baselineLength = Math.min(this.#baselineLength + 1, BASELINE_BUCKETS);
  }

  #setLimit(): void {
    const { volumeSpikeFactor, minimumSamples } = this.#settings;
    if (this.#baselineLength < BASELINE_AT_LEAST) return;
    // Next to nothing is no baseline: any action at all would be many times it. Taking the fewest samples that are judged
    // for the usual window instead lets a quiet night pass, and still stops the agent that runs wild at the end of it.
    this.spikeAbove =
      this.#baselineSum < minimumSamples
        ? volumeSpikeFactor * minimumSamples
        : (volumeSpikeFactor * this.#baselineSum * BUCKETS) / this.#baselineLength;
  }

  #clearWindow(): void {
    for (const bucket of this.#buckets) Object.assign(bucket, nothing());
    Object.assign(this.window, nothing());
    this.#current = this.#bucketAt(this.#newest);
  }

  #bucketAt(index: number): Counts {
    return this.#buckets[(index + BUCKETS) % BUCKETS] ?? this.#current;
  }
}

function add(sum: Counts, counts: Counts, sign: 1 | -1): void {
  sum.begun += sign * counts.begun;
  sum.anomalous += sign * counts.anomalous;
  sum.ended += sign * counts.ended;
  sum.failed += sign * counts.failed;
  sum.endedWrites += sign * counts.endedWrites;
  sum.failedWrites += sign * counts.failedWrites;
}
