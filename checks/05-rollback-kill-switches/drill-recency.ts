import {
  couldNotBeChecked,
  defineCheck,
  fail,
  type JudgeContext,
  type Judgement,
  pass,
  type Policy,
  warn,
} from "../../src/audit/check.ts";
import type { Evidence } from "../../src/audit/fact.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import type { DrillStanding, StandingDrill } from "../../src/drill/standing.ts";
import { formatDuration } from "../../src/values/duration.ts";
import { ageOf, newestDrill, whatFailed } from "./drilled.ts";
import { counted, evidence, tenthsText, withEvidence } from "./words.ts";
import { type WriteTypes, writeTypes } from "./write-types.ts";

const SUBJECT = "Kill switch drill";
const DAY_MS = 86_400_000;
const FORGOTTEN_MS = 90 * DAY_MS;
const MONTHLY_MS = 35 * DAY_MS;
const NONE = "No kill switch drill in the last 90 days";

const DRILL = "hold a drill of the stop and the undo, keep its line in drills.log, and do so every month";
const MEND = "mend what the drill found and hold it again";
const VERIFY =
  "hold the drill so that the switch's own log carries its mark and the digest of what was measured, or sign it with a key of drills.keys";
const EVERY_TYPE = "give every action type a write to drill with (agent.probes.writes), and drill again";

export default defineCheck({
  id: "05.10",
  key: "drill-recency",
  subject: SUBJECT,
  asks: "When were the stop and the undo last rehearsed together, and did they hold?",
  why: "A switch that was never pulled does not work when it must; what is rehearsed every month is still known at three in the morning.",
  fix: DRILL,
  needs: { drills: "required", actions: "optional", records: "optional" },
  section: ["drills"],
  absent: () => fail(NONE),
  judge({ drills, actions, records }, context) {
    const newest = newestDrill(drills.drills, context.now);
    const judgement =
      newest === null || ageOf(newest, context.now) > FORGOTTEN_MS
        ? fail(NONE)
        : judgeNewest(newest, drills, writeTypes(actions, records), context);
    const seen = newest === null ? [] : [newestEvidence(newest, drills)];
    return withEvidence(judgement, [...seen, ...passedOver(drills, context.now)]);
  },
});

/** The newest counts, whatever an older one showed. */
function judgeNewest(
  drill: StandingDrill,
  standing: DrillStanding,
  wanted: WriteTypes,
  { now, policy }: JudgeContext,
): Judgement {
  const reversal = reversalIn(drill.line, wanted);
  const wrong = whatWentWrong(drill.line, reversal, policy);
  if (wrong.length > 0) return fail(`Last kill switch drill failed — ${wrong.join("; ")}`, MEND);
  if (wanted.unread !== null) return couldNotBeChecked(SUBJECT, wanted.unread);
  const age = ageOf(drill, now);
  const held = `Kill switch drill ${agoText(age)}`;
  const doubt = whyDoubted(drill, standing, policy);
  if (doubt !== null) return warn(`${held}, not verifiable — ${doubt}`, VERIFY);
  if (age > policy.drillEveryMs) {
    return warn(`Last kill switch drill ${staleText(age, policy)} (${expectedText(policy)})`, DRILL);
  }
  const reversed = `${reversal.done.length}/${reversal.types.length} action types reversed`;
  if (reversal.done.length < reversal.types.length || reversal.unknown) return warn(`${held}, ${reversed}`, EVERY_TYPE);
  return pass(`${held}: stopped in ${tenthsText(drill.line.stop.ms ?? 0, policy.stopWithinMs)}s, ${reversed}`);
}

interface Reversal {
  /** Every type that must be reversed: those of 05.5 that are not irreversible, and those that the drill undid. */
  types: string[];
  /** Those of which the state afterwards was the state before. */
  done: string[];
  /** Nobody said or showed what the agent writes, so undoing nothing proves nothing. */
  unknown: boolean;
}

function reversalIn({ undone }: DrillLine, wanted: WriteTypes): Reversal {
  const irreversible = new Set(wanted.irreversible.map(({ type }) => type));
  const reversible = wanted.types.filter((type) => !irreversible.has(type));
  const types = [...new Set([...reversible, ...undone.map(({ type }) => type)])];
  const done = types.filter((type) => undone.some((one) => one.type === type && one.equal));
  return { types, done, unknown: types.length === 0 && !wanted.noneShown };
}

/** Judged from what was measured; a type that was not tried makes a drill partial, not failed. */
function whatWentWrong(line: DrillLine, reversal: Reversal, policy: Policy): string[] {
  const wrong = whatFailed(line, policy);
  if (wrong.length > 0 || line.verdict.held) return wrong;
  const partial = reversal.done.length < reversal.types.length;
  return partial ? [] : [line.verdict.why ?? "it says so itself"];
}

function whyDoubted(
  { line, verifiable }: StandingDrill,
  { brokenAt, unit }: DrillStanding,
  policy: Policy,
): string | null {
  if (brokenAt !== null) return `the log's chain is broken at ${unit} ${brokenAt.lineNumber}`;
  if (verifiable !== true) return verifiable.why;
  const { resolutionMs } = line.stop;
  if (resolutionMs <= policy.stopWithinMs / 10) return null;
  return `its stop time is only known to ${tenthsText(resolutionMs, policy.stopWithinMs / 10)} s`;
}

function agoText(ageMs: number): string {
  const days = Math.floor(ageMs / DAY_MS);
  return days === 0 ? "today" : `${counted(days, "day")} ago`;
}

/** An hour too late is a day more, so that the age never reads as if it were still fresh. */
function staleText(ageMs: number, { drillEveryMs }: Policy): string {
  return agoText(Math.max(ageMs, (Math.floor(drillEveryMs / DAY_MS) + 1) * DAY_MS));
}

function expectedText({ drillEveryMs }: Policy): string {
  return drillEveryMs === MONTHLY_MS
    ? "monthly drills expected"
    : `drills expected every ${formatDuration(drillEveryMs)}`;
}

function newestEvidence({ line, verifiable }: StandingDrill, { source, brokenAt }: DrillStanding): Evidence {
  const believed = verifiable === true && brokenAt === null;
  const undone = line.undone.filter(({ equal }) => equal).map(({ type }) => type);
  const fact = `drill ${line.mark} by ${line.by}; undone and compared equal: ${undone.join(", ") || "nothing"}`;
  return { level: believed ? "drilled" : "declared", source, fact, at: line.endedAt };
}

function passedOver({ ignored, brokenAt, unaccounted, source, unit }: DrillStanding, now: number): Evidence[] {
  const lines = brokenAt === null ? ignored : [...ignored, brokenAt];
  const recent = unaccounted.filter(({ at }) => now - at <= FORGOTTEN_MS);
  return [
    ...lines.map(({ lineNumber, why }) => evidence("inspected", source, `${unit} ${lineNumber}: ${why}`, now)),
    ...recent.map(({ at, reason }) => evidence("inspected", "the switch's log", `no line accounts for: ${reason}`, at)),
  ];
}
