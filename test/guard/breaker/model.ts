import type { BreakerSettings } from "../../../src/guard/breaker/settings.ts";

/** One action as the model knows it. */
export interface Call {
  era: number;
  isWrite: boolean;
  isOver: boolean;
  /** Of a half-open write. */
  deadline: number | null;
}

interface Event {
  what: "begun" | "ended";
  bucket: number;
  isWrite: boolean;
  isBad: boolean;
}

/** The breaker again, as plainly as it can be said: everything is remembered, and filtered at each call. */
export class Model {
  name: "closed" | "open" | "half-open" = "closed";
  signal: string | null = null;
  openings = 0;
  openedAt = 0;
  good = 0;
  probes: Call[] = [];
  readonly #settings: BreakerSettings;
  readonly #bucketMs: number;
  #era = 0;
  #start: number;
  #bucket = 0;
  #events: Event[] = [];
  #pastBuckets: number[] = [];

  constructor(settings: BreakerSettings, now: number) {
    this.#settings = settings;
    this.#bucketMs = settings.windowMs / 30;
    this.#start = now;
  }

  get running(): number {
    return this.probes.length;
  }

  holdsWrites(now: number): boolean {
    if (this.name === "open") return !this.#isCooledDown(now);
    return this.name === "half-open" && (!this.#hasRoom() || this.#isOverdue(now));
  }

  holdsBegun(call: Call, now: number): boolean {
    return this.name !== "closed" && (!this.probes.includes(call) || this.#isOverdue(now));
  }

  begin(isWrite: boolean, isAnomalous: boolean, now: number): Call | null {
    this.sweep(now);
    const call: Call = { era: this.#era, isWrite, isOver: false, deadline: null };
    if (this.name === "closed") {
      this.#note("begun", isWrite, isAnomalous, now);
      return call;
    }
    if (!isWrite) return { ...call, isOver: true };
    if (this.name === "open" || !this.#hasRoom()) return null;
    call.deadline = now + this.#settings.halfOpenTimeLimitMs;
    this.probes.push(call);
    return call;
  }

  end(call: Call, isOk: boolean, now: number): void {
    if (call.deadline !== null) this.sweep(now);
    if (call.isOver || call.era !== this.#era) return;
    call.isOver = true;
    if (call.deadline === null) {
      this.#note("ended", call.isWrite, !isOk, now);
      return;
    }
    this.probes = this.probes.filter((probe) => probe !== call);
    if (!isOk) this.#open("half-open-failure", now);
    else if (++this.good === this.#settings.halfOpenWrites) this.close(now);
  }

  cancel(call: Call): void {
    call.isOver = true;
    this.probes = this.probes.filter((probe) => probe !== call);
  }

  open(signal: string, now: number): void {
    this.sweep(now);
    if (this.name !== "open") this.#open(signal, now);
  }

  approve(): void {
    if (this.name === "open") this.#become("half-open");
  }

  close(now: number): void {
    if (this.name === "closed") return;
    this.#become("closed");
    this.signal = null;
    this.#events = [];
    this.#start = now;
    this.#bucket = 0;
  }

  sweep(now: number): void {
    if (this.name === "open" && this.#isCooledDown(now)) this.#become("half-open");
    else if (this.name === "half-open" && this.#isOverdue(now)) this.#open("half-open-failure", now);
  }

  counts(now: number): Record<string, number | null> {
    this.#moveTo(now);
    const of = (what: Event["what"], also: (event: Event) => boolean = () => true): number =>
      this.#events.filter((event) => event.what === what && event.bucket > this.#bucket - 30 && also(event)).length;
    const baseline = this.#baseline();
    return {
      begun: of("begun"),
      anomalous: of("begun", ({ isBad }) => isBad),
      ended: of("ended"),
      failed: of("ended", ({ isBad }) => isBad),
      endedWrites: of("ended", ({ isWrite }) => isWrite),
      failedWrites: of("ended", ({ isWrite, isBad }) => isWrite && isBad),
      usual: baseline.length < 90 ? null : (total(baseline) * 30) / baseline.length,
      failuresInARow: inARow(this.#events.filter(({ what }) => what === "ended")),
      writeFailuresInARow: inARow(this.#events.filter(({ what, isWrite }) => what === "ended" && isWrite)),
    };
  }

  #note(what: Event["what"], isWrite: boolean, isBad: boolean, now: number): void {
    this.#moveTo(now);
    this.#events.push({ what, bucket: this.#bucket, isWrite, isBad });
    const signal = this.#signal(now);
    if (signal !== null) this.#open(signal, now);
  }

  #signal(now: number): string | null {
    const counts = this.counts(now) as Record<string, number>;
    const {
      minimumSamples: least,
      errorRatePct,
      anomalyRatePct,
      consecutiveFailures,
      volumeSpikeFactor,
    } = this.#settings;
    const isOver = (part: string, whole: string, pct: number): boolean =>
      (counts[whole] ?? 0) >= least && (counts[part] ?? 0) * 100 > pct * (counts[whole] ?? 0);
    if ((counts["writeFailuresInARow"] ?? 0) >= consecutiveFailures) return "consecutive-write-failures";
    if ((counts["failuresInARow"] ?? 0) >= consecutiveFailures) return "consecutive-failures";
    if (isOver("failedWrites", "endedWrites", errorRatePct)) return "write-error-rate";
    if (isOver("failed", "ended", errorRatePct)) return "error-rate";
    if (anomalyRatePct !== null && isOver("anomalous", "begun", anomalyRatePct)) return "anomaly-rate";
    const baseline = this.#baseline();
    const begun = counts["begun"] ?? 0;
    if (baseline.length < 90 || begun < least) return null;
    const usualOf30 = total(baseline) < least ? least * baseline.length : total(baseline) * 30;
    return begun * baseline.length > volumeSpikeFactor * usualOf30 ? "volume" : null;
  }

  /** Begun in each bucket of the 12 windows before the window, the times of other states left out. */
  #baseline(): number[] {
    const left = this.name === "closed" ? Math.max(0, this.#bucket - 29) : 0;
    const perBucket = Array.from({ length: Math.min(left, 360) }, () => 0);
    for (const { what, bucket } of this.#events) {
      const index = bucket - left + perBucket.length;
      if (what === "begun" && index >= 0 && index < perBucket.length) perBucket[index] = (perBucket[index] ?? 0) + 1;
    }
    return [...this.#pastBuckets, ...perBucket].slice(-360);
  }

  #moveTo(now: number): void {
    if (this.name === "closed") this.#bucket = Math.max(this.#bucket, Math.floor((now - this.#start) / this.#bucketMs));
  }

  #open(signal: string, now: number): void {
    this.#moveTo(now);
    this.#pastBuckets = this.#baseline();
    this.#events = [];
    this.openings += 1;
    this.signal = signal;
    this.openedAt = now;
    this.#become("open");
  }

  #become(name: Model["name"]): void {
    this.name = name;
    this.#era += 1;
    this.probes = [];
    this.good = 0;
  }

  #hasRoom(): boolean {
    return this.probes.length + this.good < this.#settings.halfOpenWrites;
  }

  #isOverdue(now: number): boolean {
    return this.probes.some(({ deadline }) => deadline !== null && now > deadline);
  }

  #isCooledDown(now: number): boolean {
    return this.#settings.resume === "auto" && now >= this.openedAt + this.#settings.cooldownMs;
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function inARow(ended: readonly Event[]): number {
  return ended.length - 1 - ended.findLastIndex(({ isBad }) => !isBad);
}
