import type { Judgement } from "../../src/audit/check.ts";
import type { Evidence, Fact, Level } from "../../src/audit/fact.ts";

/**
 * How this suite writes figures. A rounded figure stays on its side of the limit it was judged by: nobody shall read
 * `~30.0 seconds` beside a pass, or `5%` beside a warning.
 */

/** Milliseconds as the seconds of the line of 05.2 (contract, 2.2): `0.3`, `29.6`, `4`. */
export function secondsText(ms: number, targetMs: number): string {
  const fine = ms < 1_000 || Math.abs(ms - targetMs) <= 1_000;
  return fine ? tenthsText(ms, targetMs) : String(Math.round(ms / 1_000));
}

/** Milliseconds as seconds with one decimal: `3.8`. Never 0.0, which nothing takes. */
export function tenthsText(ms: number, targetMs: number): string {
  if (ms >= targetMs) return (Math.ceil(ms / 100) / 10).toFixed(1);
  const nearest = Math.max(1, Math.round(ms / 100));
  const tenths = nearest * 100 < targetMs ? nearest : Math.floor(ms / 100);
  return (tenths / 10).toFixed(1);
}

/** A limit in milliseconds: `<30s`, `<0.5s`. */
export function targetText(targetMs: number): string {
  return `<${targetMs / 1_000}s`;
}

/** Percent with at most one decimal, rounded to where `sameSide` still holds. */
export function percentText(pct: number, sameSide: (shown: number) => boolean = () => true): string {
  const rounded = [Math.round(pct * 10), Math.floor(pct * 10), Math.ceil(pct * 10)].map((tenths) => tenths / 10);
  return `${rounded.find(sameSide) ?? pct}%`;
}

/** `1 action type`, `3 action types`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  const last = items.at(-1) ?? "";
  return items.length < 2 ? last : `${items.slice(0, -1).join(", ")} and ${last}`;
}

/** White space folded, as a person reads it. */
export function folded(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Whether nobody looked because of --offline: then nothing may be said to be missing. The runner passes such facts as absent. */
export function isWithheld(fact: Fact<unknown>): boolean {
  return fact.state === "withheld" || (fact.state === "absent" && fact.why.includes("--offline"));
}

/** Evidence that a judge adds, as of `now` (epoch milliseconds). */
export function evidence(level: Level, source: string, fact: string, now: number): Evidence {
  return { level, source, fact, at: new Date(now).toISOString() };
}

/** The judgement with evidence of the judge's own. */
export function withEvidence(judgement: Judgement, added: readonly Evidence[]): Judgement {
  return added.length === 0 ? judgement : { ...judgement, evidence: [...(judgement.evidence ?? []), ...added] };
}
