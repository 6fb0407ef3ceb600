/** A DSSE envelope: base64 of what is signed, and who signed it. */
export interface Envelope {
  payload: string;
  payloadType: string;
  signatures: { keyid?: string | undefined; sig: string }[];
}

/**
 * One line of `.clawproof/drills.jsonl` (contract, section 7): JSON, hash-chained to the line before.
 * Times are ISO 8601 in UTC, durations milliseconds.
 */
export interface DrillLine {
  schema: "clawproof/drill@1";
  agent: string;
  version: string | null;
  environment: string | null;
  scope: string;
  mark: string;
  startedAt: string;
  endedAt: string;
  /** `ms` is null where the agent did not stop. */
  stop: { ms: number | null; resolutionMs: number; acceptedAfterAnswer: number };
  reads: { sent: number; accepted: number };
  /** What a user of the stopped agent read. */
  user: string | null;
  alertAfterMs: number | null;
  /** One entry an action type that was written; `equal`: the state afterwards was the state before. */
  undone: { type: string; equal: boolean; ms: number }[];
  /** The breaker's rehearsal; null where it was not made. */
  breaker: { held: boolean; why: string | null } | null;
  /** What could not be written, compared or taken back while the agent was stopped, each in words; nothing that held has any. */
  troubles: string[];
  /** `switchAnswered`: whether it took an order meanwhile, null where it was the switch that failed. `ms`: figures by name. */
  faults: { fault: string; held: boolean; switchAnswered: boolean | null; ms?: Record<string, number> | undefined }[];
  switch: { series: string | null; epochs: number[]; entry: string | null };
  releasedAfterMs: number | null;
  by: string;
  verdict: { held: boolean; why: string | null };
  /** SHA-256 of the canonical JSON of everything measured before the release, which the release carried to the switch. */
  digest: string;
  /** The signed statement of this very line, where the drill had a key to sign with; covered by `hash`, not by itself. */
  attestation?: Envelope | undefined;
  /** Hash of the line before, `""` for the first. */
  previous: string;
  hash: string;
}
