/** What opens a breaker: one of its signals, a write of its half-open time that failed, or somebody's order. */
export const SIGNALS = [
  "error-rate",
  "write-error-rate",
  "consecutive-failures",
  "consecutive-write-failures",
  "anomaly-rate",
  "volume",
  "half-open-failure",
  "operator",
  "fleet",
] as const;

export type Signal = (typeof SIGNALS)[number];

/** Numbers by name, as they were when the breaker opened. */
export type Figures = Readonly<Record<string, number>>;

/** Why a breaker is not closed. It stays the same from the opening until it closes, or opens again. */
export interface Opening {
  /** Counts up with every opening of this breaker. */
  number: number;
  signal: Signal;
  figures: Figures;
  /** Monotonic milliseconds. */
  openedAt: number;
}

export type BreakerState =
  | { readonly name: "closed" }
  | { readonly name: "open"; readonly opening: Opening }
  | {
      readonly name: "half-open";
      readonly opening: Opening;
      /** Writes let through that have not ended. */
      readonly running: number;
      /** Writes let through that ended well. */
      readonly good: number;
    };
