import { describe, expect, it } from "vitest";
import { Breaker } from "../../../src/guard/breaker/breaker.ts";
import { readBreakerSettings, type BreakerOptions } from "../../../src/guard/breaker/settings.ts";
import { REFUSED } from "../../../src/guard/breaker/tickets.ts";

const WINDOW = 300_000;
const BUCKET = WINDOW / 30;

function breakerOf(options: BreakerOptions = {}): Breaker {
  return new Breaker(readBreakerSettings({ consecutiveFailures: 1_000, ...options }), 0);
}

function act(
  breaker: Breaker,
  times: number,
  { isWrite = true, isOk = true, isAnomalous = false, now = 0 } = {},
): void {
  for (let call = 0; call < times; call += 1) breaker.end(breaker.begin(isWrite, isAnomalous, now), isWrite, isOk, now);
}

function opened(breaker: Breaker): string | null {
  return breaker.state.name === "open" ? breaker.state.opening.signal : null;
}

describe("what opens it", () => {
  it.each([
    { ok: 17, failed: 3, signal: null },
    { ok: 16, failed: 3, signal: "error-rate" },
  ])("an error rate strictly above 15%: $failed failed beside $ok", ({ ok, failed, signal }) => {
    const breaker = breakerOf();
    act(breaker, ok, { isWrite: false });
    act(breaker, failed, { isWrite: false, isOk: false });
    expect(opened(breaker)).toBe(signal);
  });

  it.each([
    { ok: 17, failed: 3, signal: null },
    { ok: 16, failed: 3, signal: "write-error-rate" },
  ])("the same of writes alone, behind a hundred good reads: $failed failed beside $ok", ({ ok, failed, signal }) => {
    const breaker = breakerOf();
    act(breaker, 100, { isWrite: false });
    act(breaker, ok);
    act(breaker, failed, { isOk: false });
    expect(opened(breaker)).toBe(signal);
  });

  it.each([
    { times: 9, signal: null },
    { times: 10, signal: "write-error-rate" },
  ])("no rate of fewer than 10 samples: $times failed", ({ times, signal }) => {
    const breaker = breakerOf();
    act(breaker, times, { isOk: false });
    expect(opened(breaker)).toBe(signal);
  });

  it.each([
    { usual: 18, marked: 2, signal: null },
    { usual: 17, marked: 2, signal: "anomaly-rate" },
  ])("an anomaly rate strictly above 10%: $marked marked beside $usual", ({ usual, marked, signal }) => {
    const breaker = breakerOf({ anomaly: () => false });
    act(breaker, usual);
    act(breaker, marked, { isAnomalous: true });
    expect(opened(breaker)).toBe(signal);
  });

  it("no anomaly rate where nobody says what is anomalous", () => {
    const breaker = breakerOf();
    act(breaker, 50, { isAnomalous: true });
    expect(opened(breaker)).toBeNull();
  });

  it.each([
    { windows: 4, times: 60, signal: null },
    { windows: 4, times: 61, signal: "volume" },
    { windows: 3, times: 1_000, signal: null },
  ])("more than 3 times the usual 20 a window, in window $windows: $times", ({ windows, times, signal }) => {
    const breaker = breakerOf();
    for (let window = 0; window < windows - 1; window += 1) act(breaker, 20, { now: window * WINDOW });
    act(breaker, times, { now: windows * WINDOW - BUCKET });
    expect(opened(breaker)).toBe(signal);
  });

  it.each([
    { times: 30, signal: null },
    { times: 31, signal: "volume" },
  ])("after a quiet night, more than 3 times the fewest samples that are judged: $times", ({ times, signal }) => {
    const breaker = breakerOf();
    act(breaker, times, { now: 20 * WINDOW });
    expect(opened(breaker)).toBe(signal);
  });

  it.each([true, false])("5 failures in a row, writes: %s", (isWrite) => {
    const breaker = breakerOf({ consecutiveFailures: 5 });
    act(breaker, 4, { isWrite, isOk: false });
    act(breaker, 1, { isWrite });
    act(breaker, 4, { isWrite, isOk: false });
    expect(opened(breaker)).toBeNull();
    act(breaker, 1, { isWrite, isOk: false });
    expect(opened(breaker)).toBe(isWrite ? "consecutive-write-failures" : "consecutive-failures");
  });

  it("5 failing writes in a row, with good reads between them", () => {
    const breaker = breakerOf({ consecutiveFailures: 5 });
    for (let write = 0; write < 5; write += 1) {
      act(breaker, 1, { isOk: false });
      act(breaker, 1, { isWrite: false });
    }
    expect(opened(breaker)).toBe("consecutive-write-failures");
  });
});

describe("the window", () => {
  it.each([
    { now: WINDOW - 1, signal: "write-error-rate" },
    { now: WINDOW, signal: null },
  ])("forgets what is older: $now ms later", ({ now, signal }) => {
    const breaker = breakerOf();
    act(breaker, 9, { isOk: false });
    act(breaker, 1, { now });
    expect(opened(breaker)).toBe(signal);
  });

  it("does not count writes that were held", () => {
    const breaker = breakerOf();
    breaker.open("operator", {}, 0);
    expect(breaker.begin(true, true, 1)).toBe(REFUSED);
    breaker.close(2);
    expect(breaker.counts(2)).toMatchObject({ begun: 0, anomalous: 0, ended: 0 });
  });

  it("keeps the usual volume as it was while open: neither the spike nor the quiet becomes it", () => {
    const breaker = breakerOf();
    for (let window = 0; window < 13; window += 1) act(breaker, 20, { now: window * WINDOW });
    const now = 13 * WINDOW;
    act(breaker, 61, { now });
    const { usual } = breaker.counts(now);
    expect([opened(breaker), usual]).toEqual(["volume", 20]);
    breaker.close(now + 50 * WINDOW);
    expect(breaker.counts(now + 51 * WINDOW - BUCKET)).toMatchObject({ begun: 0, usual: 20 });
  });
});

describe("after opening", () => {
  it("a write whose own beginning opens it may not run, and counts as nothing", () => {
    const breaker = breakerOf({ anomaly: () => false });
    act(breaker, 8);
    act(breaker, 1, { isAnomalous: true });
    const ticket = breaker.begin(true, true, 0);
    expect(breaker.holdsBegun(ticket, 0)).toBe(true);
    breaker.cancel(ticket);
    breaker.end(ticket, true, false, 0);
    expect(breaker.state).toMatchObject({ name: "open", opening: { number: 1, signal: "anomaly-rate" } });
  });

  it("reads go on, writes wait for a yes however long it takes", () => {
    const breaker = breakerOf();
    breaker.open("fleet", { share: 0.4 }, 0);
    expect(breaker.begin(false, false, 1)).not.toBe(REFUSED);
    expect(breaker.holdsWrites(1e12)).toBe(true);
    breaker.approve();
    expect(breaker.holdsWrites(1e12)).toBe(false);
  });

  it("auto lets a write try once the cooldown is over", () => {
    const breaker = breakerOf({ resume: "auto", cooldown: 1_000 });
    breaker.open("operator", {}, 0);
    expect([breaker.begin(true, false, 999), breaker.holdsWrites(1_000)]).toEqual([REFUSED, false]);
    breaker.end(breaker.begin(true, false, 1_000), true, true, 1_001);
    expect(breaker.state.name).toBe("closed");
  });

  it("a late success from before the opening changes nothing", () => {
    const breaker = breakerOf();
    const late = breaker.begin(true, false, 0);
    breaker.open("operator", {}, 1);
    breaker.approve();
    breaker.end(late, true, true, 2);
    expect(breaker.state).toMatchObject({ name: "half-open", running: 0, good: 0 });
    expect(breaker.holdsBegun(late, 2)).toBe(true);
  });

  it("calls back at each change", () => {
    const seen: string[] = [];
    const breaker = new Breaker(readBreakerSettings(), 0, ({ name }) => seen.push(name));
    act(breaker, 5, { isOk: false });
    breaker.approve();
    act(breaker, 1);
    expect(seen).toEqual(["open", "half-open", "closed"]);
  });
});

describe("half-open", () => {
  function halfOpen(options: BreakerOptions = {}): Breaker {
    const breaker = breakerOf({ halfOpenWrites: 2, halfOpenTimeLimit: 1_000, ...options });
    breaker.open("operator", {}, 0);
    breaker.approve();
    return breaker;
  }

  it("lets so many writes through and no more, though none returns", () => {
    const breaker = halfOpen();
    const tickets = [0, 0, 0, 1_000].map((now) => breaker.begin(true, false, now));
    expect(tickets.map((ticket) => ticket === REFUSED)).toEqual([false, false, true, true]);
    expect(tickets.slice(0, 2).map((ticket) => breaker.holdsBegun(ticket, 1_000))).toEqual([false, false]);
    expect(breaker.holdsBegun(tickets[0] ?? 0, 1_001)).toBe(true);
    breaker.sweep(1_000);
    expect(breaker.state.name).toBe("half-open");
    breaker.sweep(1_001);
    expect(breaker.state).toMatchObject({ name: "open", opening: { number: 2, signal: "half-open-failure" } });
  });

  it("closes when all ended well, and no sooner", () => {
    const breaker = halfOpen();
    act(breaker, 1);
    expect(breaker.state).toMatchObject({ name: "half-open", good: 1 });
    act(breaker, 1);
    expect(breaker.state.name).toBe("closed");
  });

  it("opens again with one failure, and a second yes is needed", () => {
    const breaker = halfOpen();
    act(breaker, 1);
    act(breaker, 1, { isOk: false });
    expect(opened(breaker)).toBe("half-open-failure");
  });

  it("counts no outcome twice", () => {
    const breaker = halfOpen();
    const ticket = breaker.begin(true, false, 0);
    breaker.end(ticket, true, true, 0);
    breaker.end(ticket, true, true, 0);
    breaker.end(ticket, true, false, 0);
    expect(breaker.state).toMatchObject({ name: "half-open", running: 0, good: 1 });
  });

  it("gives the place of a write that never ran to another", () => {
    const breaker = halfOpen({ halfOpenWrites: 1 });
    const ticket = breaker.begin(true, false, 0);
    expect(breaker.holdsWrites(0)).toBe(true);
    breaker.cancel(ticket);
    expect(breaker.begin(true, false, 5_000)).not.toBe(REFUSED);
  });

  it("is decided by writes alone: reads fail and anomalies come as they like", () => {
    const breaker = halfOpen();
    act(breaker, 50, { isWrite: false, isOk: false, isAnomalous: true });
    expect(breaker.state.name).toBe("half-open");
  });

  it("a yes does not answer the opening that a late write has yet to bring", () => {
    const breaker = halfOpen();
    breaker.begin(true, false, 0);
    breaker.approve();
    breaker.sweep(2_000);
    expect(breaker.state.name).toBe("open");
  });
});
