import { describe, expect, it } from "vitest";
import { chain } from "../../src/values/hash-chain.ts";
import { digestOfMeasured, verifyAgainstSwitchLog } from "../../src/drill/verify.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import type { SwitchLogEntry } from "../../src/evidence/facts.ts";
import { drillOf } from "./lines.ts";

const lineOf = (changes: Parameters<typeof drillOf>[0] = {}): DrillLine => chain(drillOf(changes), "");
const line = lineOf();
const BEGAN = Date.parse(line.startedAt);
const ENDED = Date.parse(line.endedAt);

function entry(changes: Partial<SwitchLogEntry> = {}): SwitchLogEntry {
  return { at: BEGAN + 2_500, by: "kim", reason: `drill ${line.mark}`, scope: line.scope, ...changes };
}
const release = (changes: Partial<SwitchLogEntry> = {}): SwitchLogEntry =>
  entry({ at: ENDED - 6_000, reason: `drill over ${line.mark} ${line.digest}`, ...changes });
const why = (log: SwitchLogEntry[], of: DrillLine = line): string => {
  const verdict = verifyAgainstSwitchLog(of, log);
  return verdict === true ? "verified" : verdict.why;
};

describe("digestOfMeasured", () => {
  it("covers everything measured before the release", () => {
    const changes: Parameters<typeof drillOf>[0][] = [
      { agent: "other" },
      { version: null },
      { environment: "staging" },
      { scope: "drill/other" },
      { mark: "clawproof-000000" },
      { startedAt: "2026-11-10T06:00:01.000Z" },
      { stop: { ...line.stop, ms: 1 } },
      { reads: { sent: 12, accepted: 11 } },
      { user: null },
      { alertAfterMs: null },
      { undone: [] },
      { faults: [{ fault: "agent-frozen", held: true, switchAnswered: true }] },
      { breaker: { held: true, why: null } },
      { troubles: ["not taken back: email_send"] },
      { by: "dana" },
      { switch: { ...line.switch, series: "other" } },
    ];
    const digests = changes.map((change) => digestOfMeasured({ ...line, ...change }));
    expect(new Set([digestOfMeasured(line), ...digests]).size).toBe(changes.length + 1);
  });

  it("does not cover what only the release and what follows it can tell", () => {
    const later: DrillLine = {
      ...line,
      endedAt: "2026-11-10T07:00:00.000Z",
      releasedAfterMs: null,
      switch: { series: null, epochs: [4], entry: "x" },
      verdict: { held: false, why: "x" },
      previous: line.hash,
    };
    expect(digestOfMeasured(later)).toBe(digestOfMeasured(line));
  });
});

describe("verifyAgainstSwitchLog", () => {
  it("believes a line whose activation and release the switch itself has", () => {
    expect(why([entry({ reason: "lunch", scope: "*" }), entry(), release()])).toBe("verified");
  });

  it("believes times that differ by what clocks differ, and no more", () => {
    expect(why([entry({ at: BEGAN - 5_000 }), release({ at: ENDED + 5_000 })])).toBe("verified");
    expect(why([entry({ at: BEGAN - 5_001 }), release()])).toBe(
      "its beginning is not when the switch's log has its activation",
    );
    const late = "its end is not when the switch's log has its release";
    expect(why([entry(), release({ at: ENDED + 5_001 })])).toBe(late);
  });

  it.each<[string, SwitchLogEntry[], string]>([
    ["no order at all", [], "has no order marked"],
    ["another mark that begins alike", [entry({ reason: `drill ${line.mark}2` }), release()], "no activation"],
    ["no release", [entry()], "no release that carries its digest"],
    ["a release with another digest", [entry(), release({ reason: `${line.mark} ${"0".repeat(64)}` })], "no release"],
    ["a release alone", [release()], "has no activation for it"],
    ["a real kill, whose scope is not the drill's", [entry({ scope: "*" }), release({ scope: "*" })], "another scope"],
    ["an activation on another scope", [entry({ scope: "*" }), release()], "another scope"],
    ["no scopes", [entry({ scope: null }), release({ scope: null })], "gives no scopes"],
    ["no times", [entry({ at: null }), release({ at: null })], "gives no times"],
    ["no reasons", [entry({ reason: null }), release({ reason: null })], "has no order marked"],
    ["an activation after the release", [entry({ at: ENDED - 1_000 }), release()], "its beginning is not"],
  ])("refuses %s", (_, log, expected) => {
    expect(why(log)).toContain(expected);
  });

  it("refuses an end that was moved, which no digest covers", () => {
    const moved = lineOf({ endedAt: "2026-11-20T06:00:30.000Z" });
    expect(why([entry(), release()], moved)).toBe("its end is not when the switch's log has its release");
  });

  it("refuses a line that was changed and whose digest was computed again", () => {
    const better = lineOf({ stop: { ms: 100, resolutionMs: 50, acceptedAfterAnswer: 0 } });
    expect(why([entry(), release()], better)).toBe("the switch's log has no release that carries its digest");
  });

  it("refuses a line that was changed and kept its digest", () => {
    expect(why([entry(), release()], { ...line, by: "dana" })).toBe(
      "its digest does not fit what it says was measured",
    );
  });
});
