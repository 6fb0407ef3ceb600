import type { UndoStatus } from "../ledger/record.ts";

/** What became of a step that a run tried. */
export type Outcome =
  | { kind: "undone" }
  /** It was as before already. */
  | { kind: "already" }
  | { kind: "did not happen" }
  | { kind: "unverified"; why: string }
  /** `forcible` is false where `--force` does not settle it either. */
  | { kind: "conflict"; why: string; forcible?: false }
  | { kind: "failed"; why: string }
  /** Whether it was done nobody knows; it is never repeated. */
  | { kind: "unknown"; why: string }
  /** Another run has it. */
  | { kind: "held"; why: string }
  /** A newer action on the same target was not undone. */
  | { kind: "blocked"; why: string }
  /** The run was interrupted, or lost its ledger, before it came to it. */
  | { kind: "not tried"; why: string };

export type OutcomeKind = Outcome["kind"];

/** What needs nobody any more. */
const SETTLED: ReadonlySet<OutcomeKind> = new Set(["undone", "already", "did not happen"]);
export const isSettled = ({ kind }: Pick<Outcome, "kind">): boolean => SETTLED.has(kind);

export const whyOf = (outcome: Outcome): string | null => ("why" in outcome ? outcome.why : null);

/** What the ledger notes of it; null for what the run never held. */
export function statusOf({ kind }: Outcome): Exclude<UndoStatus, "undoing"> | null {
  switch (kind) {
    case "undone":
    case "already":
      return "undone";
    case "did not happen":
      return "none";
    case "blocked":
      return "none";
    case "unverified":
    case "conflict":
    case "failed":
    case "unknown":
      return kind;
    case "held":
    case "not tried":
      return null;
  }
}
