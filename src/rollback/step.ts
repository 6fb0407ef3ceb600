import type { UndoClass, UndoForm } from "../ledger/record.ts";
import type { Image } from "./sql/image.ts";
import type { Dependent } from "./sql/rows.ts";

/** What the plan says about an action (contract, section 6). */
export const STEP_KINDS = ["undo", "done already", "conflict", "did not happen", "irreversible", "no handler"] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** An action as the plan lists it: without what it read and wrote, so that many fit into memory. Times are epoch milliseconds. */
export interface Step {
  id: string;
  trace: string;
  type: string;
  target: string | null;
  subject: string | null;
  startedAt: number;
  kind: StepKind;
  /** Why it is of that kind, and what a person must do; null where the kind says all. */
  why: string | null;
  /** Of a conflict that `--force` does not settle either: it could not be looked at, or would reach further. */
  forcible?: false;
  class: UndoClass;
  residue: string | null;
  undoUntil: number | null;
  form: UndoForm | null;
  /** An earlier run broke off at it: whether it was done is looked at first. */
  resumed: boolean;
  /** A person said that it is to be undone whatever stands there. */
  forced: boolean;
}

/** Why an action is done already that an earlier run took back and could not look at. */
export const NOT_LOOKED_AT = "nobody could look whether it is really back";

/** Done for every run, and left for a person. */
export const isUnverified = ({ kind, why }: Pick<Step, "kind" | "why">): boolean =>
  kind === "done already" && why === NOT_LOOKED_AT;

/** What an action is about: an undo that fails holds up the older ones of the same. */
export const targetOf = ({ target, id }: { target: string | null; id: string }): string => target ?? id;

/** What the plan must know of the way in which an action is taken back. */
export interface HandlerFacts {
  form: UndoForm;
  /** Where it was found, for messages: `clawproof.yaml:41`, `the ledger`, `agent/guard.mjs`. */
  source: string;
  /** SHA-256 over what it will do. */
  digest: string;
  /** What a person must do instead, where the form is `irreversible`. */
  instead: string | null;
  residue: string | null;
  idempotent: boolean;
  /** It can be looked at what is there now. */
  looks: boolean;
}

/** What was seen of an action's target. */
export type Seen =
  /** Nothing can look. */
  | { kind: "nothing" }
  | { kind: "unread"; why: string }
  /** What `state` answers with. */
  | { kind: "state"; value: unknown }
  | {
      kind: "rows";
      /** The action gave them itself: the database's own text form is not known. */
      given: boolean;
      /** Which database, so that equal rows of two are kept apart. */
      database: string;
      before: Image;
      after: Image | null;
      now: Image;
      leftOut: ReadonlySet<string>;
      /** Who points at rows that the action made, by row. */
      dependents: ReadonlyMap<string, readonly Dependent[]>;
    };
