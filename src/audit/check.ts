import type { Evidence, Fact, Location, Missing } from "./fact.ts";
import type { FactName, FactValues } from "../evidence/facts.ts";

export type VerdictWord = "pass" | "warn" | "fail" | "skip";

/** What a judge says. `unknown` marks a fail that only means "could not be checked". */
export interface Judgement {
  verdict: VerdictWord;
  unknown: boolean;
  message: string;
  /** Evidence that the judge adds to that of the facts it was given. */
  evidence?: Evidence[];
  /** What to do about it; null takes the check's own `fix`. */
  remedy?: string;
}

export const pass = (message: string): Judgement => ({ verdict: "pass", unknown: false, message });
export const warn = (message: string, remedy?: string): Judgement =>
  remedy === undefined
    ? { verdict: "warn", unknown: false, message }
    : { verdict: "warn", unknown: false, message, remedy };
export const fail = (message: string, remedy?: string): Judgement =>
  remedy === undefined
    ? { verdict: "fail", unknown: false, message }
    : { verdict: "fail", unknown: false, message, remedy };
export const skip = (message: string): Judgement => ({ verdict: "skip", unknown: false, message });
/** For a judge that was given a fact which leaves the question open; `subject` is the check's. */
export const couldNotBeChecked = (subject: string, why: string): Judgement => ({
  verdict: "fail",
  unknown: true,
  message: `${subject} could not be checked — ${why}`,
});

/** The limits in force: the contract's figures, tightened by `policy:` where the project asks for it. */
export interface Policy {
  stopWithinMs: number;
  errorRatePct: number;
  anomalyRatePct: number;
  windowMs: number;
  canaryPercent: number;
  drillEveryMs: number;
  /** Tightest time in which a drill must have undone everything. */
  undoWithinMs: number;
}

export interface JudgeContext {
  policy: Policy;
  /** Epoch milliseconds; judges take the time from here. */
  now: number;
}

export type Needs = { [Name in FactName]?: "required" | "optional" };

/** Required facts reach the judge as values, optional ones as facts, others not at all. */
export type Given<N extends Needs> = {
  [Name in keyof N & FactName]: N[Name] extends "required" ? FactValues[Name] : Fact<FactValues[Name]>;
};

export interface Check<N extends Needs = Needs> {
  /** Permanent: it stands in people's CI. */
  id: string;
  key: string;
  /** What "could not be checked" is said of: `Kill switch response time`. */
  subject: string;
  asks: string;
  why: string;
  fix: string;
  needs: N;
  /** Where the clawproof.yaml section is that findings of this check point at. */
  section: string[];
  /** What to say where a required fact is absent. */
  absent(missing: Missing): Judgement;
  /** Synchronous and pure. */
  judge(given: Given<N>, context: JudgeContext): Judgement;
}

/** Keeps the literal types of `needs`, so that a judge sees only what it asked for. */
export function defineCheck<const N extends Needs>(check: Check<N>): Check<N> {
  return check;
}

export interface Suite {
  id: string;
  title: string;
  /** In the order of their lines. */
  checks: readonly Check[];
}

export type { Evidence, Fact, Location, Missing };
