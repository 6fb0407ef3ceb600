import {
  couldNotBeChecked,
  defineCheck,
  fail,
  type JudgeContext,
  type Judgement,
  pass,
  warn,
} from "../../src/audit/check.ts";
import type { Fact } from "../../src/audit/fact.ts";
import type { KillSample } from "../../src/evidence/facts.ts";
import type { DrillStanding } from "../../src/drill/standing.ts";
import { drilledEvidence, servingDrill } from "./drilled.ts";
import { evidence, withEvidence } from "./words.ts";

const SUBJECT = "Kill switch activation logging";
const ACTIVE = "Kill switch activation logging and alerting active";
const LOG_IT =
  "let the switch keep a log of every activation with reason and activator, and name it under killSwitch.log";
const NAME_BOTH =
  "let the switch's log keep the reason and the name that came with the activation; map them under killSwitch.log.fields";
const ALERT = "let every activation reach the on-call team, and name where alerts can be seen under alerting.receipts";
const CONSENT =
  "consent to a rehearsal on a scope of its own: killSwitch.rehearse, with killSwitch.log and alerting.receipts";

export default defineCheck({
  id: "05.9",
  key: "activation-alerting",
  subject: SUBJECT,
  asks: "When somebody pulls the switch, is it logged with reason and name, and does the team hear of it?",
  why: "A stop that nobody hears of is taken for an outage; one without a name and a reason cannot be judged afterwards.",
  fix: LOG_IT,
  needs: { rehearsal: "optional", drills: "optional" },
  section: ["alerting"],
  absent: ({ why }) => notObserved(why),
  judge({ rehearsal, drills }, context) {
    if (rehearsal.state === "failed") return couldNotBeChecked(SUBJECT, rehearsal.why);
    if (rehearsal.state === "found") return judgeSamples(rehearsal.value.samples, context);
    return judgeDrill(drills, context) ?? notObserved(rehearsal.why);
  },
});

function judgeSamples(samples: readonly KillSample[], { now }: JudgeContext): Judgement {
  if (samples.length === 0) return notObserved("nothing was rehearsed");
  const unlogged = samples.flatMap(({ log }) => ("missing" in log ? [log.missing] : []))[0];
  if (unlogged !== undefined) {
    const looked = evidence("probed", "killSwitch.log", unlogged, now);
    return withEvidence(fail("Kill switch activations not logged", LOG_IT), [looked]);
  }
  const lacking = [
    ...(samples.some(lacksReason) ? ["reason"] : []),
    ...(samples.some(lacksActivator) ? ["activator"] : []),
  ];
  if (lacking.length > 0) return fail(`Kill switch activations logged without ${lacking.join(" and ")}`, NAME_BOTH);
  const unread = samples.flatMap(({ log, alert }) =>
    [log, alert].flatMap((seen) => ("unread" in seen ? [seen.unread] : [])),
  )[0];
  if (unread !== undefined) return couldNotBeChecked(SUBJECT, unread);
  const silent = samples.flatMap(({ alert }) => ("missing" in alert ? [alert.missing] : []))[0];
  return silent === undefined ? pass(ACTIVE) : noAlert(silent);
}

/** The reason is ours only with our mark in it: any other text explains another pull. */
function lacksReason({ log, mark }: KillSample): boolean {
  return "entry" in log && !(log.entry.reason ?? "").includes(mark);
}

function lacksActivator({ log }: KillSample): boolean {
  return "entry" in log && (log.entry.by ?? "").trim() === "";
}

/** A drill names the entry of the switch's log only where there is one; without it a signed line says nothing of a log. */
function judgeDrill(drills: Fact<DrillStanding>, context: JudgeContext): Judgement | null {
  const drill = servingDrill(drills, context);
  if (drill === null || drill.line.switch.entry === null) return null;
  const { by, alertAfterMs } = drill.line;
  const alerted =
    alertAfterMs === null ? "no alert came" : `the alert came ${(alertAfterMs / 1_000).toFixed(1)} s after`;
  const seen = drilledEvidence(drills, drill, `logged by the switch, pulled by ${by}; ${alerted}`);
  return withEvidence(alertAfterMs === null ? noAlert("none came in the last drill") : pass(ACTIVE), [seen]);
}

function noAlert(why: string): Judgement {
  return warn(`Kill switch activations logged, no alert seen — ${why}`, ALERT);
}

function notObserved(why: string): Judgement {
  return warn(`Kill switch activation logging not observed — ${why}`, CONSENT);
}
