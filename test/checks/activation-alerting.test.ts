import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/activation-alerting.ts";
import type { KillSample } from "../../src/evidence/facts.ts";
import {
  broken,
  contextOf,
  factOf,
  goodDrill,
  goodDrills,
  goodRehearsal,
  goodSample,
  notThere,
  NOW,
  said,
} from "../support/facts.ts";

const MARK = "clawproof-7f3a91";
const entry = (changes: { by?: string | null; reason?: string | null }) => ({
  log: { entry: { at: NOW, by: "kim@laptop", reason: `rehearsal ${MARK}`, scope: null, ...changes } },
});
function judged(...samples: Partial<KillSample>[]) {
  const rehearsal = factOf(goodRehearsal(...samples.map((changes) => goodSample(changes))));
  return said(check.judge({ rehearsal, drills: notThere() }, contextOf()));
}
const ofDrill = (drill: ReturnType<typeof goodDrill>) =>
  check.judge({ rehearsal: notThere("no consent"), drills: factOf(goodDrills(drill)) }, contextOf());
const PASS = "[PASS] Kill switch activation logging and alerting active";

describe("05.9 activation-alerting", () => {
  it("Kill switch activation logging and alerting active", () => expect(judged({})).toBe(PASS));

  it("Kill switch activations logged, no alert seen — WHY", () => {
    const words = "[WARN] Kill switch activations logged, no alert seen — none came in 10 s";
    expect(judged({ alert: { missing: "none came in 10 s" } })).toBe(words);
    expect(judged({}, { alert: { missing: "none came in 10 s" } })).toBe(words);
  });

  it("Kill switch activation logging not observed — WHY", () => {
    const words = "[WARN] Kill switch activation logging not observed — no consent";
    expect(said(check.judge({ rehearsal: notThere("no consent"), drills: notThere() }, contextOf()))).toBe(words);
    expect(said(check.absent({ state: "absent", why: "no consent" }))).toBe(words);
  });

  it("Kill switch activations not logged", () => {
    const log = { missing: "no entry carries the mark" };
    expect(judged({ log })).toBe("[FAIL] Kill switch activations not logged");
    expect(judged({}, { log, alert: { missing: "none" } })).toBe("[FAIL] Kill switch activations not logged");
  });

  it("Kill switch activations logged without WHAT: reason, activator", () => {
    const words = "[FAIL] Kill switch activations logged without ";
    expect(judged(entry({ reason: null }))).toBe(`${words}reason`);
    expect(judged(entry({ reason: "somebody else's" }))).toBe(`${words}reason`);
    expect(judged(entry({ by: " " }))).toBe(`${words}activator`);
    expect(judged(entry({ by: null, reason: "" }))).toBe(`${words}reason and activator`);
    expect(judged({ ...entry({ by: null }), alert: { unread: "answered 502" } })).toBe(`${words}activator`);
  });

  it("Kill switch activation logging could not be checked — WHY", () => {
    const words = "[FAIL] (unknown) Kill switch activation logging could not be checked — ";
    expect(judged({ log: { unread: "answered 502" } })).toBe(`${words}answered 502`);
    expect(judged({ alert: { unread: "ALERT_TOKEN is not set" } })).toBe(`${words}ALERT_TOKEN is not set`);
    const given = { rehearsal: broken("the release failed"), drills: factOf(goodDrills()) };
    expect(said(check.judge(given, contextOf()))).toBe(`${words}the release failed`);
  });

  it("a fresh, verifiable drill that names its entry in the log speaks where nothing was rehearsed", () => {
    const judgement = ofDrill(goodDrill());
    expect(said(judgement)).toBe(PASS);
    expect(judgement.evidence?.[0]?.level).toBe("drilled");
    expect(said(ofDrill(goodDrill(12, { alertAfterMs: null })))).toBe(
      "[WARN] Kill switch activations logged, no alert seen — none came in the last drill",
    );
    const unnamed = goodDrill(12, { switch: { series: null, epochs: [], entry: null } });
    for (const drill of [unnamed, goodDrill(36), { ...goodDrill(), verifiable: { why: "unsigned" } }]) {
      expect(said(ofDrill(drill))).toMatch(/not observed — no consent$/);
    }
  });
});
