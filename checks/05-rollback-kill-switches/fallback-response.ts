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
import type { KillSample, UserAnswer } from "../../src/evidence/facts.ts";
import type { DrillStanding } from "../../src/drill/standing.ts";
import { drilledEvidence, servingDrill } from "./drilled.ts";
import { folded, withEvidence } from "./words.ts";

const SUBJECT = "Fallback response";
const FIX =
  "write a sentence that helps: what is paused, what happens next, whom to ask; name it under fallback.template";
const ANSWER_IT = "let the stopped agent answer with the template's text, word for word";
const SHOW = "consent to a rehearsal (killSwitch.rehearse) and name what a user calls under agent.probes.user";

const PLACEHOLDERS = [
  /\{\{[^{}]*\}\}/, // Mustache, Handlebars, Jinja, Helm
  /\$\{[^{}]*\}/,
  /<%.*?%>/s,
  /\{\w[\w.]*(?:[:,!][^{}]*)?\}/, // Python, ICU
  /%(?:\(\w+\))?[sd]\b/,
  /\b(?:TODO|FIXME|TBD|XXX)\b/,
  /\blorem ipsum\b/i,
  /\[(?:insert|your|name|company|customer|agent|date)\b[^\]]*\](?![([:])/i, // but no Markdown link
  /\[object Object\]/,
];

/** A line number after the name of a source file says it in most languages. */
const STACK_TRACES = [
  /\.(?:[cm]?[jt]sx?|java|kt|scala|cs|py|rb|php|go|rs):(?:line )?\d+/,
  /\bFile "[^"]+", line \d+/,
  /\bTraceback \(most recent call last\)/,
  /\bnode:internal\//,
  /\bgoroutine \d+ \[/,
  /\bException in thread\b/,
];

export default defineCheck({
  id: "05.8",
  key: "fallback-response",
  subject: SUBJECT,
  asks: "What do users of a stopped agent read?",
  why: "Stopping must not cost more trust than the mistake did: users need a helpful sentence, not an error.",
  fix: FIX,
  needs: { fallback: "required", rehearsal: "optional", drills: "optional" },
  section: ["fallback"],
  absent: () => fail("No fallback response configured"),
  judge({ fallback, rehearsal, drills }, context) {
    const template = folded(fallback.text);
    const samples = rehearsal.state === "found" ? rehearsal.value.samples : [];
    const error = samples.flatMap((sample) => serverError(sample, template) ?? [])[0];
    if (error !== undefined) return fail(`Stopped agent answers ${error} instead of a fallback`, ANSWER_IT);
    const unfit = whyUnfit(fallback.text) ?? whyAnswerUnfit(samples);
    if (unfit !== null) return fail(`Fallback response unfit for users — ${unfit}`);
    if (rehearsal.state === "failed") return couldNotBeChecked(SUBJECT, rehearsal.why);
    if (rehearsal.state === "found") return judgeSamples(samples, template);
    return judgeDrill(drills, template, context) ?? notSeen(rehearsal.why);
  },
});

/** A status of 500 and up that is no refusal: one that `refused` does not describe, or what a user got without the text. */
function serverError({ undescribedError, user, stop }: KillSample, template: string): number | null {
  if (undescribedError !== null) return undescribedError;
  if (stop.state === "not-stopped" || user === null || "why" in user || holds(user.text, template)) return null;
  return user.status !== null && user.status >= 500 ? user.status : null;
}

function whyUnfit(text: string): string | null {
  if (folded(text) === "") return "it is empty";
  if (STACK_TRACES.some((trace) => trace.test(text))) return "it holds a stack trace";
  const placeholder = PLACEHOLDERS.map((pattern) => pattern.exec(text)?.[0]).find((found) => found !== undefined);
  return placeholder === undefined ? null : `it holds an unfilled placeholder: ${folded(placeholder).slice(0, 40)}`;
}

/** Braces in an answer may be its format, so only a stack trace counts there. */
function whyAnswerUnfit(samples: readonly KillSample[]): string | null {
  const texts = samples.map(answerOf).flatMap((answer) => ("text" in answer ? [answer.text] : []));
  const leaks = texts.some((text) => STACK_TRACES.some((trace) => trace.test(text)));
  return leaks ? "the stopped agent's answer holds a stack trace" : null;
}

/** Every sample must show it: an agent that sometimes answers with the fallback leaves the others without. */
function judgeSamples(samples: readonly KillSample[], template: string): Judgement {
  if (samples.length === 0) return notSeen("nothing was rehearsed");
  const answers = samples.map(answerOf);
  if (answers.some((answer) => "text" in answer && !holds(answer.text, template))) return otherwise();
  const untold = samples.flatMap(({ stop }) => (stop.state === "unknown" ? [stop.why] : []))[0];
  if (untold !== undefined) return couldNotBeChecked(SUBJECT, untold);
  const unseen = answers.flatMap((answer) => ("why" in answer ? [answer.why] : []))[0];
  return unseen === undefined ? pass("Fallback response template configured") : notSeen(unseen);
}

/** What a user read: the answer to `probes.user`, else the refusal of the probe write. */
function answerOf({ user, refusal, stop }: KillSample): UserAnswer | { why: string } {
  if (stop.state === "not-stopped") return { why: "the agent did not stop" };
  if (user !== null) return user;
  if (refusal === null) return { why: "no refusal was read" };
  return refusal.status === null && folded(refusal.text) === ""
    ? { why: "the stopped agent closes the connection" }
    : refusal;
}

function judgeDrill(drills: Fact<DrillStanding>, template: string, context: JudgeContext): Judgement | null {
  const drill = servingDrill(drills, context);
  if (drill === null || drill.line.user === null) return null;
  const seen = drilledEvidence(drills, drill, `a user of the stopped agent read: ${drill.line.user}`);
  const judgement = holds(drill.line.user, template) ? pass("Fallback response template configured") : otherwise();
  return withEvidence(judgement, [seen]);
}

function holds(answer: string, template: string): boolean {
  return template !== "" && folded(answer).includes(template);
}

function otherwise(): Judgement {
  return warn("Fallback response not what the stopped agent answers", ANSWER_IT);
}

function notSeen(why: string): Judgement {
  return warn(`Fallback response configured, not seen from a stopped agent — ${why}`, SHOW);
}
