/**
 * `refused`: nothing was done, by our own rules or in the switch's own words (exit 2). `unanswered`: no switch said
 * anything (exit 3); then an order that was on its way may have arrived all the same.
 */
export type ProblemKind = "refused" | "unanswered";

/** Why an operator's command came to nothing, for a person, without secrets. */
export class SwitchProblem extends Error {
  override name = "SwitchProblem";
  readonly kind: ProblemKind;
  /** The HTTP status of the switch's answer; null where it gave none. */
  readonly status: number | null;
  constructor(kind: ProblemKind, message: string, status: number | null = null) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}
