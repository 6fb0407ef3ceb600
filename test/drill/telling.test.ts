import { describe, expect, it } from "vitest";
import {
  breakerWords,
  readsWords,
  releaseWords,
  stopWords,
  undoneWords,
  writtenWords,
} from "../../src/drill/telling.ts";
import type { BreakerRehearsalFacts } from "../../src/evidence/facts.ts";
import { goodSample } from "../support/facts.ts";

const breaker = (changes: Partial<BreakerRehearsalFacts> = {}): BreakerRehearsalFacts => ({
  writesRefused: true,
  writesAccepted: 0,
  reads: { sent: 9, accepted: 9, firstFailure: null },
  backAfterMs: 40,
  ...changes,
});

describe("the timeline of a drill", () => {
  it("says what the breaker did, and what was wrong with it", () => {
    expect(breakerWords(breaker())).toEqual({
      text: "opened: writes refused, 9 of 9 reads went on; closed: writes accepted again after 0.04 s",
      wrong: null,
    });
    for (const [changes, wrong] of [
      [{ writesRefused: false, writesAccepted: 3 }, "3 writes accepted while it was open"],
      [{ writesRefused: false }, "writes went on while it was open"],
      [{ reads: { sent: 0, accepted: 0, firstFailure: null } }, "no read was seen while it was open"],
      [{ reads: { sent: 9, accepted: 7, firstFailure: "x" } }, "2 of 9 reads failed while it was open"],
      [{ backAfterMs: null }, "writes were not accepted again after it was closed"],
    ] as const)
      expect(breakerWords(breaker(changes))).toEqual({ text: wrong, wrong });
  });

  it("says how the stop went", () => {
    const words = (changes: Parameters<typeof goodSample>[0]) =>
      stopWords(goodSample({ resolutionMs: 52, ...changes }));
    expect(words({ acceptedAfterAnswer: 0 })).toBe("writes refused 3.96 s after the order (± 0.05 s)");
    expect(words({ acceptedAfterAnswer: 78, number: { series: "a", epoch: 7 } })).toBe(
      "writes refused 3.96 s after the order (epoch 7) (± 0.05 s); 78 accepted after the switch had answered",
    );
    expect(words({ stop: { state: "not-stopped", afterMs: 60_000 } })).toBe(
      "writes still accepted 60.00 s after the order",
    );
    expect(words({ stop: { state: "unknown", why: "answered 401" } })).toBe("not measured: answered 401");
  });

  it("says what a user read, no longer than a line, and when the alert came", () => {
    const reads = { sent: 4, accepted: 3, firstFailure: null };
    expect(readsWords(goodSample({ reads, user: null, alert: { missing: "none" } }))).toBe(
      "3 of 4 reads went on; no alert was seen",
    );
    const user = { status: 200, text: `"${"x".repeat(80)}`, source: "POST /chat" };
    const alert = { afterMs: 2_100, source: "GET /received" };
    expect(readsWords(goodSample({ reads, user, alert }))).toBe(
      `3 of 4 reads went on; a user reads "\\"${"x".repeat(58)}…"; the alert came 2.10 s after the order`,
    );
  });

  it("says what was written, taken back and released", () => {
    expect(writtenWords({ type: "a", wrote: true, why: null })).toBe("a: written, and its state changed");
    expect(writtenWords({ type: "a", wrote: true, why: "not compared" })).toBe("a: written, not compared");
    expect(writtenWords({ type: "a", wrote: false, why: "not written" })).toBe("a: not written");
    const one = { type: "a", equal: true, ms: 5 };
    expect(undoneWords([one], 50, [])).toBe("1 of 1 state as before, after 0.05 s");
    expect(undoneWords([one, { ...one, type: "b", equal: false }], 50, ["c: conflict"])).toBe(
      "1 of 2 states as before, after 0.05 s; not as before: b; left: c: conflict",
    );
    expect(releaseWords(goodSample({ backAfterMs: 10 }))).toBe("released: writes accepted again after 0.01 s");
    expect(releaseWords(goodSample({ backAfterMs: null }))).toBe("released; writes are not accepted again");
  });
});
