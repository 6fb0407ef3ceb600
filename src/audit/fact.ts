/** How much a piece of evidence is worth, weakest first (contract, section 1). */
export const LEVELS = ["declared", "inspected", "probed", "drilled"] as const;
export type Level = (typeof LEVELS)[number];

/** A place in a file; line and column count from 1. */
export interface Location {
  file: string;
  line: number;
  column: number;
}

/** A fact with its source, its time (ISO 8601, UTC) and its level. `fact` is a short sentence for a person. */
export interface Evidence {
  level: Level;
  source: string;
  fact: string;
  at: string;
  data?: Record<string, unknown>;
}

/**
 * What a gatherer brings home. `absent`: there is nothing to look at, and `why` says what is missing or who forbids it
 * (no section, no consent, --read-only). `failed`: it is there and could not be read. `withheld`: --offline.
 */
export type Fact<T> =
  | { state: "found"; value: T; evidence: Evidence[]; location?: Location }
  | { state: "absent"; why: string; location?: Location }
  | { state: "failed"; why: string; evidence?: Evidence[]; location?: Location }
  | { state: "withheld"; why: string; location?: Location };

export type Missing = Exclude<Fact<never>, { state: "found" }>;

export function found<T>(value: T, evidence: Evidence[], location?: Location): Fact<T> {
  return location ? { state: "found", value, evidence, location } : { state: "found", value, evidence };
}

export function absent(why: string, location?: Location): Missing {
  return location ? { state: "absent", why, location } : { state: "absent", why };
}

export function failed(why: string, location?: Location, evidence: Evidence[] = []): Missing {
  return location ? { state: "failed", why, evidence, location } : { state: "failed", why, evidence };
}

export function withheld(why: string, location?: Location): Missing {
  return location ? { state: "withheld", why, location } : { state: "withheld", why };
}
