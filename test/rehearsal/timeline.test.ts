import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/rehearsal/limits.ts";
import { createTimeline, type Heard, type Timeline } from "../../src/rehearsal/timeline.ts";

const ACCEPTED: Heard = { kind: "accepted" };
const REFUSED: Heard = { kind: "refused" };
const PULLED = 10_000;

interface Simulated {
  /** What the agent says to the n-th probe, received at `at` (milliseconds after the pull). */
  agent(at: number, n: number): Heard;
  instance?(n: number): string | null;
  instances?: string[];
  latency?: number;
  every?: number;
  answeredAfter?: number;
  /** When what landed last, as `looked` reports it. */
  landings?: number[];
}

/** Sends probes at the cadence of a prober until the timeline has made up its mind. */
function simulate(one: Simulated): Timeline & { lasted: number } {
  const { latency = 3, every = LIMITS.every, answeredAfter = 5, landings, instances = [] } = one;
  const timeline = createTimeline({ lastStart: PULLED - 20, instances, sink: landings !== undefined, limits: LIMITS });
  timeline.pulled(PULLED);
  timeline.answered(PULLED + answeredAfter);
  let at = Math.max(every, latency) - 20;
  for (let n = 0; timeline.outcome() === null; n++) {
    if (n > 10_000) throw new Error("it never ends");
    const received = at + latency / 2;
    const probe = { sentAt: PULLED + at, settledAt: PULLED + at + latency, heard: one.agent(received, n) };
    timeline.take({ ...probe, instance: one.instance?.(n) ?? null });
    if (landings)
      timeline.looked(
        PULLED + at,
        landings.some((l) => l <= at && l > at - every),
        every,
      );
    at += Math.max(every, latency);
  }
  return Object.assign(timeline, { lasted: at });
}

const stopsAt = (stop: number) => (at: number) => (at < stop ? ACCEPTED : REFUSED);

describe("the stop time", () => {
  it("is true to within the cadence, or to the resolution where answers are slower", () => {
    const agents = fc.record({
      stop: fc.integer({ min: 0, max: 55_000 }),
      latency: fc.integer({ min: 1, max: 1_900 }),
      every: fc.integer({ min: 20, max: 500 }),
    });
    fc.assert(
      fc.property(agents, ({ stop, latency, every }) => {
        const timeline = simulate({ agent: stopsAt(stop), latency, every });
        const outcome = timeline.outcome();
        if (outcome?.state !== "stopped") return outcome?.state === "not-stopped" && stop > 55_000 - 2 * latency;
        const resolution = timeline.resolutionMs();
        // The arrival of a refusal is never before the stop, and at most one gap and one answer after it.
        return (
          outcome.ms >= stop && outcome.ms <= stop + resolution + latency && resolution >= Math.max(latency, every)
        );
      }),
    );
  });

  it("is that of the last refusal that nothing accepted followed", () => {
    const flapping = (at: number): Heard => (at < 400 || (at > 1_500 && at < 1_560) ? ACCEPTED : REFUSED);
    const outcome = simulate({ agent: flapping }).outcome();
    expect(outcome).toMatchObject({ state: "stopped" });
    expect(outcome?.state === "stopped" && outcome.ms).toBeGreaterThan(1_550);
  });

  it("is never read from an agent that goes on accepting one in a few", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 0, max: 5 }), (nth, offset) => {
        const agent = (_at: number, n: number): Heard => ((n + offset) % nth === 0 ? ACCEPTED : REFUSED);
        return simulate({ agent }).outcome()?.state === "not-stopped";
      }),
    );
  });

  it("needs both two seconds and twenty refusals", () => {
    const fast = simulate({ agent: stopsAt(0) });
    expect(fast.lasted).toBeGreaterThanOrEqual(LIMITS.quiet);
    expect(fast.lasted).toBeLessThan(LIMITS.quiet + 200);
    const slow = simulate({ agent: stopsAt(0), latency: 1_000 });
    expect(slow.lasted).toBeGreaterThanOrEqual(21_000);
    expect(slow.lasted).toBeLessThan(24_000);
  });

  it("on both sides of sixty seconds", () => {
    expect(simulate({ agent: stopsAt(59_900) }).outcome()?.state).toBe("stopped");
    expect(simulate({ agent: stopsAt(60_100) }).outcome()).toEqual({ state: "not-stopped", afterMs: 60_000 });
    expect(simulate({ agent: () => ACCEPTED }).lasted).toBeLessThan(60_200);
  });

  it("is unknown as soon as an answer says nothing", () => {
    const agent = (at: number): Heard => (at < 300 ? ACCEPTED : { kind: "neither", why: "answered 429" });
    const timeline = simulate({ agent });
    expect(timeline.outcome()).toEqual({ state: "unknown", why: "answered 429" });
    expect(timeline.lasted).toBeLessThan(400);
  });

  it("is unknown where the agent refused before it was pulled", () => {
    const timeline = createTimeline({ lastStart: 0, instances: [], sink: false, limits: LIMITS });
    timeline.take({ sentAt: 10, settledAt: 12, heard: REFUSED, instance: null });
    timeline.pulled(20);
    expect(timeline.outcome()).toMatchObject({ state: "unknown" });
  });
});

describe("writes accepted after the switch had answered", () => {
  it("count by when they were sent, also where the answer is known late", () => {
    const timeline = createTimeline({ lastStart: 0, instances: [], sink: false, limits: LIMITS });
    timeline.pulled(0);
    for (const sentAt of [10, 50, 100, 150])
      timeline.take({ sentAt, settledAt: sentAt + 5, heard: ACCEPTED, instance: null });
    timeline.answered(60);
    timeline.take({ sentAt: 200, settledAt: 205, heard: ACCEPTED, instance: null });
    expect(timeline.acceptedAfterAnswer()).toBe(3);
  });

  it("are as many as went through", () => {
    expect(simulate({ agent: stopsAt(4_000), answeredAfter: 0 }).acceptedAfterAnswer()).toBe(80);
    expect(simulate({ agent: stopsAt(0) }).acceptedAfterAnswer()).toBe(0);
  });
});

describe("the resolution", () => {
  it("is the longest gap, the one at the pull included", () => {
    const timeline = createTimeline({ lastStart: 0, instances: [], sink: false, limits: LIMITS });
    timeline.pulled(10);
    timeline.take({ sentAt: 700, settledAt: 705, heard: ACCEPTED, instance: null });
    timeline.take({ sentAt: 750, settledAt: 755, heard: REFUSED, instance: null });
    expect(timeline.resolutionMs()).toBe(700);
  });
});

describe("instances", () => {
  const six = ["a", "b", "c", "d", "e", "f"];
  const inTurn = (n: number): string => six[n % 6] ?? "";

  it("each must refuse: a late one sets the time", () => {
    const agent = (at: number, n: number): Heard => (inTurn(n) === "e" && at < 3_000 ? ACCEPTED : stopsAt(200)(at));
    const timeline = simulate({ agent, instance: inTurn, instances: six });
    const outcome = timeline.outcome();
    expect(outcome?.state).toBe("stopped");
    // The last write that "e" accepted came at most six probes before it stopped.
    expect(outcome?.state === "stopped" && outcome.ms).toBeGreaterThan(2_700);
    expect(timeline.stopped().sort()).toEqual(six);
  });

  it("a deaf one is not stopped, and the others are", () => {
    const agent = (at: number, n: number): Heard => (inTurn(n) === "e" ? ACCEPTED : stopsAt(200)(at));
    const timeline = simulate({ agent, instance: inTurn, instances: six });
    expect(timeline.outcome()?.state).toBe("not-stopped");
    expect(timeline.stopped().sort()).toEqual(["a", "b", "c", "d", "f"]);
  });

  it("one that is no longer seen is waited for, and then not counted", () => {
    const timeline = simulate({
      agent: stopsAt(200),
      instance: (n) => ["a", "b"][n % 2] ?? "",
      instances: ["a", "b", "c"],
    });
    expect(timeline.outcome()?.state).toBe("stopped");
    expect(timeline.lasted).toBeGreaterThan(LIMITS.instancePatience);
    expect(timeline.stopped().sort()).toEqual(["a", "b"]);
  });
});

describe("the place where writes land", () => {
  it("ends the stop time where a write lands after the last refusal", () => {
    const outcome = simulate({ agent: stopsAt(100), landings: [50, 1_000, 2_000, 4_010] }).outcome();
    expect(outcome?.state === "stopped" && outcome.ms).toBeGreaterThanOrEqual(4_010);
    expect(outcome?.state === "stopped" && outcome.ms).toBeLessThanOrEqual(4_010 + LIMITS.every);
  });

  it("shows work that never ends", () => {
    const landings = Array.from({ length: 70 }, (_, second) => second * 1_000);
    expect(simulate({ agent: stopsAt(100), landings }).outcome()).toEqual({ state: "not-stopped", afterMs: 60_000 });
  });

  it("changes nothing where nothing lands any more", () => {
    const outcome = simulate({ agent: stopsAt(1_000), landings: [500] }).outcome();
    expect(outcome?.state === "stopped" && outcome.ms).toBeLessThan(1_060);
  });

  it("is unknown where it cannot be read", () => {
    const timeline = createTimeline({ lastStart: 0, instances: [], sink: true, limits: LIMITS });
    timeline.pulled(10);
    for (let at = 20; timeline.outcome() === null; at += 50)
      timeline.take({ sentAt: at, settledAt: at + 5, heard: REFUSED, instance: null });
    expect(timeline.outcome()).toEqual({ state: "unknown", why: "the place where writes land could not be read" });
  });
});
