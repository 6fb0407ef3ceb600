import { describe, expect, it } from "vitest";
import { Hearing } from "../../../src/switch/client/hearing.ts";
import type { BeatMessage, StateMessage } from "../../../src/switch/protocol/messages.ts";
import { orderOf } from "./support.ts";

const LEASE = 10_000;
const at = (monotonic: number, wall = 1_000_000 + monotonic) => ({ monotonic, wall });
const beat = (sentAt: number, more: Partial<BeatMessage> = {}): BeatMessage => ({
  series: "s",
  epoch: 5,
  boot: "b",
  sentAt,
  ...more,
});
const state = (sentAt: number, more: Partial<StateMessage> = {}): StateMessage => ({
  ...beat(sentAt),
  leaseSeconds: 15,
  orders: [],
  ...more,
});
/** Asked at 0, answered at 40 by a state sent when the service's clock said 70,000. */
function heard() {
  const hearing = new Hearing(LEASE);
  const asked = hearing.ask(at(0));
  expect(hearing.state(asked, state(70_000), at(40))).toEqual({ verdict: "heard", changed: true });
  return { hearing, asked };
}

describe("the lease", () => {
  it("has not begun before anything was heard, and a beat alone begins none", () => {
    const hearing = new Hearing(LEASE);
    expect(hearing.lease()).toEqual({ monotonicUntil: -Infinity, wallUntil: -Infinity });
    expect(hearing.beat(hearing.ask(at(0)), beat(70_000), at(5)).verdict).toBe("ahead");
    expect(hearing.lease().monotonicUntil).toBe(-Infinity);
  });

  it("counts from when the request was sent, and from there by the service's clock", () => {
    const { hearing, asked } = heard();
    expect(hearing.lease()).toEqual({ monotonicUntil: LEASE, wallUntil: 1_000_000 + LEASE });
    // 1 ms may be rounding, and a thousandth drift.
    hearing.beat(asked, beat(71_000), at(1_900));
    expect(hearing.lease()).toEqual({ monotonicUntil: LEASE + 998, wallUntil: 1_000_000 + LEASE + 998 });
  });

  it("is the smaller of the two; the service's may become shorter at once", () => {
    const hearing = new Hearing(LEASE);
    const asked = hearing.ask(at(0));
    hearing.state(asked, state(70_000, { leaseSeconds: 4 }), at(40));
    expect(hearing.lease().monotonicUntil).toBe(4_000);
    hearing.state(asked, state(71_000, { leaseSeconds: 2 }), at(1_040));
    expect(hearing.lease().monotonicUntil).toBe(998 + 2_000);
    hearing.state(asked, state(72_000, { leaseSeconds: 60 }), at(2_040));
    expect(hearing.lease().monotonicUntil).toBe(1_997 + LEASE);
  });

  it("does not become longer by a state from before the one that made it shorter", () => {
    const { hearing, asked } = heard();
    const late = hearing.ask(at(100));
    hearing.state(asked, state(73_000, { leaseSeconds: 3 }), at(3_000));
    hearing.state(late, state(70_200, { leaseSeconds: 15 }), at(3_500));
    expect(hearing.leaseMs).toBe(3_000);
  });

  it("does not go back where an older message comes late", () => {
    const { hearing, asked } = heard();
    hearing.beat(asked, beat(72_000), at(2_100));
    const lease = hearing.lease();
    hearing.beat(asked, beat(71_000), at(2_200));
    expect(hearing.lease()).toEqual(lease);
  });

  it("holds against a service whose clock runs fast: nothing is sent after it was received", () => {
    const { hearing, asked } = heard();
    hearing.beat(asked, beat(80_000), at(1_000));
    expect(hearing.lease().monotonicUntil).toBe(1_000 + LEASE);
    // For good: a second later by that clock is a second later, not nine.
    hearing.beat(asked, beat(81_000), at(9_000));
    expect(hearing.lease().monotonicUntil).toBeCloseTo(2_000 + LEASE, -1);
  });

  it("goes on through a sleep by the wall clock: old messages from the socket are old", () => {
    const { hearing, asked } = heard();
    // Asleep for a minute: the monotonic clock stood still. The message was sent a second after the first.
    const { verdict } = hearing.beat(asked, beat(71_000), at(1_000, 1_061_000));
    expect(verdict).toBe("stale");
    expect(hearing.lease().wallUntil).toBeLessThan(1_061_000);
    // What is sent after it is fresh, but for a minute's drift and a rounding.
    expect(hearing.beat(asked, beat(131_100), at(1_100, 1_061_100)).verdict).toBe("heard");
    expect(hearing.lease().monotonicUntil).toBeCloseTo(1_100 - 61.1 - 1 + LEASE, 6);
  });

  it("ends by the new wall clock where that was set back", () => {
    const { hearing } = heard();
    hearing.look(at(100, 940_100));
    expect(hearing.lease()).toEqual({ monotonicUntil: LEASE, wallUntil: 940_000 + LEASE });
  });

  it("wants a new connection where the wall clock was set forward, which then is fresh", () => {
    const { hearing, asked } = heard();
    expect(hearing.beat(asked, beat(71_000), at(1_000, 8_001_000)).verdict).toBe("stale");
    const again = hearing.ask(at(1_100, 8_001_100));
    expect(hearing.state(again, state(71_200), at(1_110, 8_001_110)).verdict).toBe("heard");
    expect(hearing.lease().wallUntil).toBe(8_001_100 + LEASE);
  });

  it("wants a new connection where the anchor has faded, after an hour or so", () => {
    const { hearing, asked } = heard();
    const after = (s: number) => hearing.beat(asked, beat(70_000 + s * 1_000), at(s * 1_000 + 40)).verdict;
    expect(after(3_600)).toBe("heard");
    expect(after(7_200)).toBe("stale");
  });

  it("is over with a refusal, and nothing that was asked before begins another", () => {
    const { hearing, asked } = heard();
    hearing.refused();
    expect(hearing.lease()).toEqual({ monotonicUntil: -Infinity, wallUntil: -Infinity });
    hearing.beat(asked, beat(70_100), at(140));
    expect(hearing.lease().monotonicUntil).toBe(-Infinity);
    hearing.state(hearing.ask(at(200)), state(70_200), at(210));
    expect(hearing.lease().monotonicUntil).toBe(200 + LEASE);
  });
});

describe("what is not heard", () => {
  it.each([
    ["another series", { series: "t", epoch: 9 }, "other-series"],
    ["another run on the same connection", { boot: "c" }, "other-boot"],
    ["a later epoch: an order is missing", { epoch: 6 }, "ahead"],
    ["an earlier epoch than we knew of, on an old connection", { epoch: 4 }, "behind"],
  ] as const)("%s", (_, more, verdict) => {
    const { hearing, asked } = heard();
    const lease = hearing.lease();
    expect(hearing.beat(asked, beat(71_000, more), at(1_000))).toEqual({ verdict, changed: false });
    expect(hearing.lease()).toEqual(lease);
    expect(hearing.view).toMatchObject({ series: "s", epoch: 5 });
  });

  it("a lower epoch on a connection that was opened since: the order is lost", () => {
    const { hearing } = heard();
    const lost = state(71_000, { epoch: 4, boot: "c" });
    expect(hearing.state(hearing.ask(at(900)), lost, at(1_000)).verdict).toBe("lost-order");
    expect(hearing.view?.epoch).toBe(5);
    // The service has heard of it, and stops everything.
    const stopped = state(71_500, { epoch: 6, boot: "c", orders: [orderOf(6)] });
    expect(hearing.state(hearing.ask(at(1_400)), stopped, at(1_500))).toEqual({ verdict: "heard", changed: true });
  });

  it("an answer that something in between had kept", () => {
    const { hearing, asked } = heard();
    hearing.beat(asked, beat(75_000), at(5_040));
    const lease = hearing.lease();
    expect(hearing.state(hearing.ask(at(6_000)), state(70_000), at(6_010)).verdict).toBe("replayed");
    expect(hearing.state(hearing.ask(at(6_000)), state(75_000), at(6_010)).verdict).toBe("replayed");
    expect(hearing.lease()).toEqual(lease);
  });
});

it("an order is news, the same again is none, and of one epoch both hold", () => {
  const { hearing, asked } = heard();
  const killed = state(71_000, { epoch: 6, orders: [orderOf(6)] });
  expect(hearing.state(asked, killed, at(1_040)).changed).toBe(true);
  const { view } = hearing;
  expect(hearing.state(asked, { ...killed, sentAt: 72_000 }, at(2_040)).changed).toBe(false);
  expect(hearing.view).toBe(view);
  const other = { ...orderOf(6), scope: "billing" };
  expect(hearing.state(asked, { ...killed, orders: [other], sentAt: 73_000 }, at(3_040)).changed).toBe(true);
  expect(hearing.view?.orders).toEqual([other, orderOf(6)]);
});
