import fc from "fast-check";
import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/drill-recency.ts";
import type { Policy } from "../../src/audit/check.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import type { StandingDrill } from "../../src/drill/standing.ts";
import {
  actionOf,
  broken,
  contextOf,
  DAY_MS,
  factOf,
  goodActions,
  goodDrill,
  goodDrills,
  goodRecords,
  notThere,
  recordsOf,
  said,
} from "../support/facts.ts";

const SECOND = 1_000 / DAY_MS;
const rest = { actions: factOf(goodActions()), records: factOf(goodRecords()) };
function judged(drills: StandingDrill[], policy: Partial<Policy> = {}, given = rest) {
  return said(check.judge({ drills: { ...goodDrills(), drills }, ...given }, contextOf(policy)));
}
const aged = (days: number, policy: Partial<Policy> = {}) => judged([goodDrill(days)], policy);
const with_ = (changes: Partial<DrillLine>, policy: Partial<Policy> = {}) => judged([goodDrill(12, changes)], policy);
const stop = (ms: number | null, resolutionMs = 52) => ({ stop: { ms, resolutionMs, acceptedAfterAnswer: 0 } });
const NONE = "[FAIL] No kill switch drill in the last 90 days";
const FAILED = "[FAIL] Last kill switch drill failed — ";

describe("05.10 drill-recency", () => {
  it("Kill switch drill 12 days ago: stopped in 3.8s, 3/3 action types reversed", () => {
    const words = (ago: string) => `[PASS] Kill switch drill ${ago}: stopped in 3.8s, 3/3 action types reversed`;
    expect(aged(12)).toBe(words("12 days ago"));
    expect(aged(1.5)).toBe(words("1 day ago"));
    expect(aged(0)).toBe(words("today"));
    expect(aged(35)).toBe(words("35 days ago"));
  });

  it("Last kill switch drill 45 days ago (monthly drills expected)", () => {
    const words = (days: number) => `[WARN] Last kill switch drill ${days} days ago (monthly drills expected)`;
    expect(aged(45.2)).toBe(words(45));
    expect(aged(35 + SECOND)).toBe(words(36));
    expect(aged(90)).toBe(words(90));
  });

  it("policy.drillEvery tightens how long a drill is fresh", () => {
    const policy = { drillEveryMs: 14 * DAY_MS };
    expect(aged(14, policy)).toMatch(/^\[PASS\]/);
    expect(aged(14 + SECOND, policy)).toBe("[WARN] Last kill switch drill 15 days ago (drills expected every 14d)");
  });

  it("No kill switch drill in the last 90 days", () => {
    expect(aged(90 + SECOND)).toBe(NONE);
    expect(judged([])).toBe(NONE);
    expect(aged(-1)).toBe(NONE);
    expect(with_({ endedAt: "yesterday" })).toBe(NONE);
    expect(said(check.absent({ state: "absent", why: "" }))).toBe(NONE);
  });

  it("Kill switch drill 12 days ago, 1/3 action types reversed", () => {
    const undone = [{ type: "db_update", equal: true, ms: 120 }];
    const words = "[WARN] Kill switch drill 12 days ago, 1/3 action types reversed";
    expect(with_({ undone })).toBe(words);
    expect(with_({ undone, verdict: { held: false, why: "2 types were not written" } })).toBe(words);
    expect(with_({ undone: [] })).toBe("[WARN] Kill switch drill 12 days ago, 0/3 action types reversed");
    expect(judged([goodDrill()], {}, { ...rest, records: factOf(goodRecords([recordsOf("refund")])) })).toBe(
      "[WARN] Kill switch drill 12 days ago, 3/4 action types reversed",
    );
  });

  it("fails where the breaker did not hold or something was left written, though not every type was tried", () => {
    const compared = "email_send: not compared";
    const partial = {
      undone: [{ type: "db_update", equal: true, ms: 120 }],
      verdict: { held: false, why: compared },
    };
    expect(with_({ ...partial, troubles: [compared] })).toContain("[WARN]");
    const left = "not taken back: email_send: answered 500";
    expect(with_({ ...partial, troubles: [compared, left] })).toBe(`${FAILED}${left}`);
    expect(with_({ ...partial, breaker: { held: false, why: "reads failed" } })).toMatch(/^\[FAIL\].*circuit breaker/);
  });

  it("types that are irreversible leave N", () => {
    const parcel = actionOf("parcel_send", "write", "call the carrier");
    const actions = factOf({ types: [...goodActions().types, parcel], inventoryRead: false });
    expect(judged([goodDrill()], {}, { ...rest, actions })).toMatch(/^\[PASS\].*3\/3 action types reversed$/);
  });

  it("nothing undone passes only where nothing writes", () => {
    const drill = goodDrill(12, { undone: [] });
    const unknown = { actions: notThere(), records: notThere() };
    expect(judged([drill], {}, unknown)).toBe("[WARN] Kill switch drill 12 days ago, 0/0 action types reversed");
    const none = { actions: factOf({ types: [], inventoryRead: true }), records: notThere() };
    expect(judged([drill], {}, none)).toMatch(/^\[PASS\]/);
    expect(judged([goodDrill()], {}, unknown)).toMatch(/^\[PASS\]/);
  });

  it("Kill switch drill 12 days ago, not verifiable — WHY", () => {
    const words = "[WARN] Kill switch drill 12 days ago, not verifiable — ";
    expect(judged([{ ...goodDrill(), verifiable: { why: "no log gives scope and reason" } }])).toBe(
      `${words}no log gives scope and reason`,
    );
    const cut = { ...goodDrills(), brokenAt: { lineNumber: 3, why: "its hash is another" } };
    const judgement = check.judge({ drills: cut, ...rest }, contextOf());
    expect(said(judgement)).toBe(`${words}the log's chain is broken at line 3`);
    expect(judgement.evidence?.map(({ fact }) => fact)).toContain("line 3: its hash is another");
    expect(judgement.evidence?.map(({ level }) => level)).not.toContain("drilled");
    expect(with_(stop(3_800, 3_000))).toMatch(/^\[PASS\]/);
    expect(with_(stop(3_800, 3_001))).toBe(`${words}its stop time is only known to 3.1 s`);
  });

  it("Last kill switch drill failed — WHY", () => {
    expect(with_(stop(null))).toBe(`${FAILED}the agent did not stop`);
    expect(with_(stop(29_999))).toMatch(/^\[PASS\] .*stopped in 29.9s/);
    expect(with_(stop(30_000))).toBe(`${FAILED}stopped in 30.0s (target: <30s)`);
    expect(with_(stop(10_000), { stopWithinMs: 10_000 })).toBe(`${FAILED}stopped in 10.0s (target: <10s)`);
    expect(with_({ reads: { sent: 12, accepted: 11 } })).toBe(`${FAILED}reads stopped`);
    expect(with_({ reads: { sent: 0, accepted: 0 } })).toBe(`${FAILED}no read was sent`);
    expect(with_({ releasedAfterMs: null })).toBe(`${FAILED}the release did not take`);
    const faults = [{ fault: "switch-down", held: false, switchAnswered: null }];
    expect(with_({ faults })).toBe(`${FAILED}it did not hold under switch-down`);
    expect(with_({ verdict: { held: false, why: "the sink saw a write" } })).toBe(`${FAILED}the sink saw a write`);
    expect(with_({ ...stop(null), releasedAfterMs: null })).toBe(
      `${FAILED}the agent did not stop; the release did not take`,
    );
  });

  it("what was not restored, or not in drills.undoWithin, fails the drill", () => {
    const undone = (equal: boolean, ms: number) => ({
      undone: [...goodDrill().line.undone.slice(0, 2), { type: "db_update", equal, ms }],
    });
    expect(with_(undone(false, 120))).toBe(`${FAILED}db_update was not restored`);
    expect(with_(undone(true, 300_000))).toMatch(/^\[PASS\]/);
    expect(with_(undone(true, 300_001))).toBe(`${FAILED}db_update took over 5m to undo`);
    expect(with_(undone(true, 60_001), { undoWithinMs: 60_000 })).toBe(`${FAILED}db_update took over 1m to undo`);
  });

  it("the newest drill counts, wherever it stands in the log", () => {
    const failed = goodDrill(2, stop(null));
    expect(judged([goodDrill(12), failed])).toBe(`${FAILED}the agent did not stop`);
    expect(judged([failed, goodDrill(12)])).toBe(`${FAILED}the agent did not stop`);
    expect(judged([goodDrill(20, stop(null)), goodDrill(12)])).toMatch(/^\[PASS\]/);
    expect(judged([{ ...goodDrill(1), verifiable: { why: "unsigned" } }, goodDrill(12)])).toMatch(
      /1 day ago, not verifiable/,
    );
  });

  it("Kill switch drill could not be checked — WHY, where the types are not known", () => {
    const words = "[FAIL] (unknown) Kill switch drill could not be checked — records: connection refused";
    expect(judged([goodDrill()], {}, { ...rest, records: broken() })).toBe(words);
    expect(judged([goodDrill(12, stop(null))], {}, { ...rest, records: broken() })).toBe(
      `${FAILED}the agent did not stop`,
    );
    expect(judged([goodDrill(91)], {}, { ...rest, records: broken() })).toBe(NONE);
  });

  it("says which drill counted, dated by its line", () => {
    const [seen] = check.judge({ drills: goodDrills(), ...rest }, contextOf()).evidence ?? [];
    expect(seen).toEqual({
      level: "drilled",
      source: ".clawproof/drills.jsonl",
      fact: "drill clawproof-91c0de by kim@laptop; undone and compared equal: subscription_update, email_send, db_update",
      at: "2026-11-10T06:00:00.000Z",
    });
  });

  it("names the lines of the log that do not count", () => {
    const drills = { ...goodDrills(), ignored: [{ lineNumber: 2, why: "it is about staging" }] };
    expect(check.judge({ drills, ...rest }, contextOf()).evidence?.at(-1)).toMatchObject({
      level: "inspected",
      fact: "line 2: it is about staging",
    });
  });

  it("a drill never judges better for being older", () => {
    const rank = (text: string) => ["[PASS]", "[WARN]", "[FAIL]"].findIndex((word) => text.startsWith(word));
    const days = fc.double({ min: 0, max: 120, noNaN: true });
    fc.assert(
      fc.property(days, days, (a, b) => {
        expect(rank(aged(Math.max(a, b)))).toBeGreaterThanOrEqual(rank(aged(Math.min(a, b))));
        expect(aged(a).startsWith("[PASS]")).toBe(Math.ceil(a * DAY_MS) <= 35 * DAY_MS);
      }),
    );
  });
});
