import type { FactName, Facts, FactValues } from "../evidence/facts.ts";
import type { Check, Given, JudgeContext, Judgement, Needs } from "./check.ts";
import { couldNotBeChecked, skip, warn } from "./check.ts";
import type { Evidence, Fact, Location, Missing } from "./fact.ts";

/** A check's verdict before waivers, with all that speaks for it. */
export interface Judged {
  check: Check;
  judgement: Judgement;
  evidence: Evidence[];
  /** Place of the fact that decided; null where that is the check's own section. */
  location: Location | null;
  /** Skipped because nobody looked (--offline), which shows nothing about whether it applies. */
  notJudged: boolean;
}

type Known = Fact<FactValues[FactName]>;
/** What the check itself asks for is there, as far as anybody says: only nobody has seen it. */
const READ_IT = "name the file, address or command where it stands, instead of its text in clawproof.yaml";
const NOT_GATHERED: Missing = { state: "failed", why: "it was not gathered" };

/** Judges one check by the rules that hold for all of them; `redact` takes secrets out of a judge's own mishap. */
export function judgeCheck(
  check: Check,
  facts: Facts,
  context: JudgeContext,
  redact: (text: string) => string = (text) => text,
): Judged {
  const given = neededFacts(check, facts);
  const missing = decidingAbsence(check, given);
  const ruled = rule(check, given, missing, context, redact);
  const withheld = [...given.values()].find((fact) => fact.state === "withheld");
  if (withheld?.state === "withheld" && ruled.verdict !== "fail" && ruled.verdict !== "skip") {
    return skipped(check, withheld, given);
  }
  if (missing?.state === "withheld") return skipped(check, missing, given);
  return {
    check,
    judgement: noClaimPasses(ruled, given),
    evidence: collectEvidence(given.values(), ruled),
    location: missing ? (missing.location ?? null) : artefactLocation(check, ruled, given),
    notJudged: false,
  };
}

function neededFacts(check: Check, facts: Facts): Map<FactName, Known> {
  const names = Object.keys(check.needs) as FactName[];
  return new Map(names.map((name) => [name, facts[name] ?? NOT_GATHERED]));
}

/** Of the required facts that are not there, the one that says most: nothing configured, unreadable, not looked at. */
function decidingAbsence(check: Check, given: Map<FactName, Known>): Missing | undefined {
  const required = [...given].filter(([name]) => check.needs[name] === "required").map(([, fact]) => fact);
  for (const state of ["absent", "failed", "withheld"]) {
    const fact = required.find((candidate) => candidate.state === state);
    if (fact && fact.state !== "found") return fact;
  }
  return undefined;
}

function rule(
  check: Check,
  given: Map<FactName, Known>,
  missing: Missing | undefined,
  context: JudgeContext,
  redact: (text: string) => string,
): Judgement {
  try {
    if (missing?.state === "absent") return check.absent(missing);
    if (missing?.state === "failed") return couldNotBeChecked(check.subject, missing.why);
    if (missing?.state === "withheld") return skip(missing.why);
    return check.judge(asGiven(check, given), context);
  } catch (error) {
    // One broken judge costs one row, never the audit.
    return couldNotBeChecked(check.subject, `its judge failed: ${redact(messageOf(error))}`);
  }
}

/** Required facts by value, optional ones whole; a judge need not know of --offline, so withheld reads as absent. */
function asGiven(check: Check, given: Map<FactName, Known>): Given<Needs> {
  const entries = [...given].map(([name, fact]) => {
    if (check.needs[name] === "required" && fact.state === "found") return [name, fact.value];
    return [name, fact.state === "withheld" ? { ...fact, state: "absent" } : fact];
  });
  return Object.fromEntries(entries) as Given<Needs>;
}

function skipped(check: Check, withheld: { why: string; location?: Location }, given: Map<FactName, Known>): Judged {
  const judgement = skip(`${check.subject} not judged — ${withheld.why}`);
  const evidence = collectEvidence(given.values(), judgement);
  return { check, judgement, evidence, location: withheld.location ?? null, notJudged: true };
}

/** A claim alone never passes (contract, section 1), whatever a judge says. */
function noClaimPasses(judgement: Judgement, given: Map<FactName, Known>): Judgement {
  if (judgement.verdict !== "pass") return judgement;
  const speaking = collectEvidence(
    [...given.values()].filter((fact) => fact.state === "found"),
    judgement,
  );
  if (speaking.some(({ level }) => level !== "declared")) return judgement;
  const doubted = warn(`${judgement.message} — declared, nothing of it was seen`, READ_IT);
  return judgement.evidence ? { ...doubted, evidence: judgement.evidence } : doubted;
}

function collectEvidence(facts: Iterable<Known>, judgement: Judgement): Evidence[] {
  const ofFacts = [...facts].flatMap((fact) => ("evidence" in fact ? (fact.evidence ?? []) : []));
  // A judge may repeat a fact's own evidence to point at it.
  return [...new Set([...ofFacts, ...(judgement.evidence ?? [])])];
}

/** The place in the artefact that was judged; a warn beside a fact that is not there is rather about that, so it has none. */
function artefactLocation(check: Check, { verdict }: Judgement, given: Map<FactName, Known>): Location | null {
  const facts = [...given];
  if (verdict === "warn" && facts.some(([, fact]) => fact.state !== "found")) return null;
  const judged = facts.find(([name, fact]) => check.needs[name] === "required" && fact.location);
  return judged?.[1].location ?? null;
}

/** The message of whatever was thrown, on one line. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replace(/\s+/g, " ").trim();
}
