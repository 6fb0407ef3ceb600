import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/fallback-response.ts";
import type { KillSample } from "../../src/evidence/facts.ts";
import {
  broken,
  contextOf,
  factOf,
  FALLBACK_TEXT,
  goodDrill,
  goodDrills,
  goodFallback,
  goodRehearsal,
  goodSample,
  notThere,
  said,
} from "../support/facts.ts";

function judged(changes: Partial<KillSample> = {}, text = FALLBACK_TEXT, ...more: KillSample[]) {
  const rehearsal = factOf(goodRehearsal(goodSample(changes), ...more));
  return said(check.judge({ fallback: goodFallback(text), rehearsal, drills: notThere() }, contextOf()));
}
function unseen(text = FALLBACK_TEXT, drills = notThere(), rehearsal = notThere("no consent")) {
  return said(check.judge({ fallback: goodFallback(text), rehearsal, drills }, contextOf()));
}
const ofDrill = (drill: ReturnType<typeof goodDrill>) =>
  check.judge(
    { fallback: goodFallback(), rehearsal: notThere("no consent"), drills: factOf(goodDrills(drill)) },
    contextOf(),
  );
const answer = (text: string, status: number | null = 200) => ({ status, text, source: "POST /chat" });

const PASS = "[PASS] Fallback response template configured";
const OTHER = "[WARN] Fallback response not what the stopped agent answers";
const NOT_SEEN = "[WARN] Fallback response configured, not seen from a stopped agent — ";

describe("05.8 fallback-response", () => {
  it("Fallback response template configured", () => {
    expect(judged()).toBe(PASS);
    expect(judged({ user: answer(`Hello! ${FALLBACK_TEXT} Bye.`) })).toBe(PASS);
    expect(judged({}, `  ${FALLBACK_TEXT.replaceAll(" ", "\n ")}\n`)).toBe(PASS);
    expect(judged({ refusal: answer("no"), user: answer(FALLBACK_TEXT) })).toBe(PASS);
    expect(judged({ user: answer(FALLBACK_TEXT, 503) })).toBe(PASS);
  });

  it("Fallback response not what the stopped agent answers", () => {
    expect(judged({ refusal: answer("stopped", 503) })).toBe(OTHER);
    expect(judged({ user: answer("Your subscription was cancelled.") })).toBe(OTHER);
    expect(judged({ user: answer("") })).toBe(OTHER);
    expect(judged({}, FALLBACK_TEXT, goodSample({ user: answer("something else") }))).toBe(OTHER);
  });

  it("Fallback response configured, not seen from a stopped agent — WHY", () => {
    expect(unseen()).toBe(`${NOT_SEEN}no consent`);
    expect(judged({ user: { why: "no answer in 2 s" } })).toBe(`${NOT_SEEN}no answer in 2 s`);
    expect(judged({ refusal: null })).toBe(`${NOT_SEEN}no refusal was read`);
    expect(judged({ refusal: answer("", null) })).toBe(`${NOT_SEEN}the stopped agent closes the connection`);
    const stop = { state: "not-stopped" as const, afterMs: 60_000 };
    expect(judged({ stop, user: answer("error", 500) })).toBe(`${NOT_SEEN}the agent did not stop`);
  });

  it("No fallback response configured", () => {
    expect(said(check.absent({ state: "absent", why: "" }))).toBe("[FAIL] No fallback response configured");
  });

  it("Stopped agent answers 500 instead of a fallback", () => {
    expect(judged({ undescribedError: 500 })).toBe("[FAIL] Stopped agent answers 500 instead of a fallback");
    expect(judged({ user: answer("Internal Server Error", 502) })).toBe(
      "[FAIL] Stopped agent answers 502 instead of a fallback",
    );
    expect(judged({ user: answer("Not allowed", 499) })).toBe(OTHER);
    expect(judged({ refusal: answer("stopped", 503), user: null })).toBe(OTHER);
  });

  it("Fallback response unfit for users — WHY: empty, a stack trace, an unfilled placeholder", () => {
    const words = "[FAIL] Fallback response unfit for users — ";
    expect(unseen(" \n")).toBe(`${words}it is empty`);
    const traces = [
      "TypeError: x is not a function\n    at run (/srv/agent/index.js:12:3)",
      'Traceback (most recent call last):\n  File "agent.py", line 3',
      "java.lang.NullPointerException\n\tat com.example.Agent.run(Agent.java:42)",
      "panic: nil\ngoroutine 1 [running]:",
    ];
    for (const trace of traces) expect(unseen(trace)).toBe(`${words}it holds a stack trace`);
    const holes = [
      "{{name}}",
      "${name}",
      "{name}",
      "{0}",
      "{count:d}",
      "%s",
      "%(name)s",
      "<%= name %>",
      "TODO",
      "[your company]",
    ];
    for (const hole of holes)
      expect(unseen(`Dear ${hole}, we are paused.`)).toBe(`${words}it holds an unfilled placeholder: ${hole}`);
    const leaking = answer(`${FALLBACK_TEXT} at run (/srv/agent/index.js:12:3)`);
    expect(judged({ user: leaking })).toBe(`${words}the stopped agent's answer holds a stack trace`);
  });

  it("ordinary sentences are fit", () => {
    const sentences = [
      "We are paused (back at 9:30). Save 100% of the trouble: call +1 555 0100.",
      "Ask at the desk (support.example.com:443), or [your account](https://example.com/me).",
      "Costs of $5 {sic} stay.".replace("{sic} ", ""),
      "Todo lists are safe; nothing was changed.",
    ];
    for (const sentence of sentences) expect(unseen(sentence)).toBe(`${NOT_SEEN}no consent`);
  });

  it("Fallback response could not be checked — WHY", () => {
    expect(unseen(FALLBACK_TEXT, notThere(), broken("answered 401"))).toBe(
      "[FAIL] (unknown) Fallback response could not be checked — answered 401",
    );
    expect(judged({ stop: { state: "unknown", why: "answered 429" } })).toBe(
      "[FAIL] (unknown) Fallback response could not be checked — answered 429",
    );
  });

  it("a fresh, verifiable drill speaks where nothing was rehearsed", () => {
    const judgement = ofDrill(goodDrill());
    expect(said(judgement)).toBe(PASS);
    expect(judgement.evidence?.[0]?.level).toBe("drilled");
    expect(said(ofDrill(goodDrill(12, { user: "503" })))).toBe(OTHER);
    expect(said(ofDrill(goodDrill(12, { user: null })))).toBe(`${NOT_SEEN}no consent`);
    expect(said(ofDrill(goodDrill(36)))).toBe(`${NOT_SEEN}no consent`);
  });
});
