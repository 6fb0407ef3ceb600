import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Breaker } from "../../../src/guard/breaker/breaker.ts";
import type { BreakerSettings } from "../../../src/guard/breaker/settings.ts";
import { REFUSED } from "../../../src/guard/breaker/tickets.ts";
import { Model, type Call } from "./model.ts";

const WINDOW = 3_000;
const COOLDOWN = 1_000;
const LIMIT = 500;

const settingsOf: fc.Arbitrary<BreakerSettings> = fc.record({
  errorRatePct: fc.constantFrom(15, 33, 50),
  anomalyRatePct: fc.constantFrom(null, 10, 50),
  volumeSpikeFactor: fc.constantFrom(1.5, 3),
  windowMs: fc.constant(WINDOW),
  cooldownMs: fc.constant(COOLDOWN),
  minimumSamples: fc.constantFrom(1, 3, 10),
  consecutiveFailures: fc.constantFrom(2, 5, 100),
  resume: fc.constantFrom("review" as const, "auto" as const),
  halfOpenWrites: fc.constantFrom(1, 2, 3),
  halfOpenTimeLimitMs: fc.constant(LIMIT),
});

const isOften = fc.constantFrom(true, true, true, false);
const isWrite = fc.constantFrom(true, true, false);
const isSeldom = fc.constantFrom(false, false, false, false, false, false, true);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("begin" as const), isWrite, isAnomalous: isSeldom }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which: fc.nat(30),
      isOk: isOften,
      lag: fc.constantFrom(0, 0, 1, 150, 900),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 99, 100, LIMIT, LIMIT + 1, COOLDOWN - 1, COOLDOWN, WINDOW, 13 * WINDOW, 1e12),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("work" as const),
      calls: fc.constantFrom(1, 3, 12),
      buckets: fc.constantFrom(1, 9, 31, 130),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fail" as const), isWrite, times: fc.constantFrom(1, 2, 5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("approve", "approve", "sweep", "open", "close", "look") }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("restore" as const), ms: fc.constantFrom(0, 70, LIMIT, WINDOW) }),
  },
);

/** As `expect(a).toBe(b)`, which is too slow for half a million comparisons. */
function same<T>(breakers: T, models: T, what: string): void {
  if (!Object.is(breakers, models)) throw new Error(`${what}: ${String(breakers)}, in the model ${String(models)}`);
}

/** Both in step: what is done to one is done to the other, and they must answer the same. */
class Pair {
  readonly settings: BreakerSettings;
  readonly model: Model;
  breaker: Breaker;
  now = 5_000;
  /** The breaker's process may have been another: its clock began at another time. */
  offset = 0;
  calls: { call: Call; ticket: number }[] = [];

  constructor(settings: BreakerSettings) {
    this.settings = settings;
    this.model = new Model(settings, this.now);
    this.breaker = new Breaker(settings, this.now);
  }

  begin(isWrite: boolean, isAnomalous: boolean): { call: Call; ticket: number } | null {
    const isHeld = isWrite && this.breaker.holdsWrites(this.now + this.offset);
    const ticket = this.breaker.begin(isWrite, isAnomalous, this.now + this.offset);
    const call = this.model.begin(isWrite, isAnomalous, this.now);
    same(ticket === REFUSED, call === null, "refused");
    same(ticket === REFUSED, isHeld, "held and refused");
    if (call === null) return null;
    const begun = { call, ticket };
    this.calls.push(begun);
    return begun;
  }

  end({ call, ticket }: { call: Call; ticket: number }, isOk: boolean, now: number): void {
    this.breaker.end(ticket, call.isWrite, isOk, now + this.offset);
    this.model.end(call, isOk, now);
  }

  restore(ms: number): void {
    const wall = 1.7e12;
    const json: unknown = JSON.parse(JSON.stringify(this.breaker.save(this.now + this.offset, wall)));
    this.now += ms;
    this.offset += 1_234_567;
    this.breaker = Breaker.restore(json, this.settings, this.now + this.offset, wall + ms);
    // What was in flight ended with the process.
    this.calls = [];
  }

  compare(): void {
    const { state } = this.breaker;
    const { model, now, offset } = this;
    same(state.name, model.name, "state");
    same(this.breaker.holdsWrites(now + offset), model.holdsWrites(now), "holdsWrites");
    for (const { call, ticket } of this.calls) {
      if (!call.isWrite || call.isOver) continue;
      same(this.breaker.holdsBegun(ticket, now + offset), model.holdsBegun(call, now), "holdsBegun");
    }
    if (state.name === "closed") return;
    same(state.opening.number, model.openings, "openings");
    same(state.opening.signal, model.signal, "signal");
    if (state.name === "open") return;
    same(state.running, model.running, "running");
    same(state.good, model.good, "good");
    same(state.running + state.good <= this.settings.halfOpenWrites, true, "at most so many half-open writes");
  }

  look(): void {
    expect(this.breaker.counts(this.now + this.offset)).toEqual(this.model.counts(this.now));
  }

  run(todo: typeof step extends fc.Arbitrary<infer Step> ? Step : never): void {
    const { breaker, model } = this;
    switch (todo.do) {
      case "begin":
        this.begin(todo.isWrite, todo.isAnomalous);
        return;
      case "end": {
        const begun = this.calls.at(-1 - todo.which);
        if (begun !== undefined) this.end(begun, todo.isOk, Math.max(5_000, this.now - todo.lag));
        return;
      }
      case "fail":
        for (let call = 0; call < todo.times; call += 1) {
          const begun = this.begin(todo.isWrite, false);
          if (begun !== null) this.end(begun, false, this.now);
        }
        return;
      case "cancel": {
        const begun = this.calls.at(-1 - todo.which);
        if (begun === undefined) return;
        breaker.cancel(begun.ticket);
        model.cancel(begun.call);
        return;
      }
      case "wait":
        this.now += todo.ms;
        return;
      case "work":
        for (let call = 0; call < todo.calls; call += 1) {
          const begun = this.begin(false, false);
          if (begun !== null) this.end(begun, true, this.now);
          this.now += Math.floor((todo.buckets * 100) / todo.calls);
        }
        return;
      case "restore":
        this.restore(todo.ms);
        return;
      case "look":
        this.look();
        return;
      case "approve":
        breaker.approve();
        model.approve();
        return;
      case "sweep":
        breaker.sweep(this.now + this.offset);
        model.sweep(this.now);
        return;
      case "open":
        breaker.open("operator", {}, this.now + this.offset);
        model.open("operator", this.now);
        return;
      case "close":
        breaker.close(this.now + this.offset);
        model.close(this.now);
        return;
    }
  }

  /** Whatever happened before: a yes, and as many good writes as half-open asks for, close it. */
  recover(): void {
    const { breaker, settings } = this;
    this.now += LIMIT + 1;
    breaker.sweep(this.now + this.offset);
    breaker.approve();
    for (let write = 0; write < settings.halfOpenWrites && breaker.state.name !== "closed"; write += 1) {
      const ticket = breaker.begin(true, true, this.now + this.offset);
      same(ticket === REFUSED, false, "a half-open write refused");
      same(breaker.holdsBegun(ticket, this.now + this.offset), false, "a half-open write held");
      breaker.end(ticket, true, true, this.now + this.offset);
    }
    same(breaker.state.name, "closed", "recovered");
    same(breaker.holdsWrites(this.now + this.offset), false, "held after it closed");
  }
}

it("is the plain model, whatever is called when, and a yes with good writes always closes it", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(settingsOf, fc.array(step, { maxLength: 60, size: "max" }), (settings, steps) => {
      const pair = new Pair(settings);
      for (const todo of steps) {
        pair.run(todo);
        pair.compare();
        if (pair.model.signal !== null) reached.add(pair.model.signal);
      }
      pair.look();
      pair.recover();
    }),
    { numRuns: 2_500 },
  );
  // A property that never opens anything would hold, too.
  expect([...reached].sort()).toEqual([
    "anomaly-rate",
    "consecutive-failures",
    "consecutive-write-failures",
    "error-rate",
    "half-open-failure",
    "operator",
    "volume",
    "write-error-rate",
  ]);
});
