import { describe, expect, it, vi } from "vitest";
import { AGENT, handGuard } from "./support.ts";

const ok = async (input: unknown): Promise<unknown> => input;
const no = (): Promise<never> => Promise.reject(new Error("no"));
/** Lets what was answered be taken in. */
const answered = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

async function opened(options: Parameters<typeof handGuard>[0] = {}) {
  const hand = handGuard(options);
  hand.client.beat();
  const fail = hand.guard.action("fail", { run: no });
  const write = hand.guard.action("write", { run: ok });
  for (let i = 0; i < 5; i++) await fail(null).catch(() => undefined);
  return { ...hand, fail, write };
}

describe("an opened breaker", () => {
  it("asks the switch for the trip, and tries writes again when a person releases it", async () => {
    const { guard, client, write, fail } = await opened();
    await answered();
    expect(client.trips).toEqual([
      {
        signal: "consecutive write failures",
        figures: expect.objectContaining({ failuresInARow: 5 }),
        type: undefined,
      },
    ]);
    await expect(write(1)).rejects.toMatchObject({
      reason: "breaker",
      message: "support may not write: its circuit breaker is open (order 1 by pod-1: consecutive write failures)",
    });
    client.release();
    expect(guard.state().breaker.state).toBe("half-open");
    // One write is tried; while it runs no other is.
    const tried = write(1);
    await expect(write(2)).rejects.toMatchObject({ reason: "breaker" });
    await tried;
    expect(guard.state().breaker.state).toBe("closed");
    await expect(fail(null)).rejects.toThrow("no");
  });

  it("opens again, with another trip, where the write that is tried fails", async () => {
    const { guard, client, fail } = await opened();
    await answered();
    client.release();
    await fail(null).catch(() => undefined);
    await answered();
    expect(guard.state().breaker).toMatchObject({ state: "open", signal: "half-open-failure" });
    expect(client.trips).toHaveLength(2);
    client.release();
    expect(guard.state().breaker.state).toBe("half-open");
  });

  it("takes no yes for one that was given before the order was", async () => {
    const { guard, client } = await opened();
    client.beat();
    expect(guard.state().breaker.state).toBe("open");
    await answered();
    // Another's order ends: that says nothing about this one.
    client.order({ scope: "other" });
    client.release("other");
    expect(guard.state().breaker.state).toBe("open");
  });

  it("waits for its trip to be answered", async () => {
    const { guard, clock, client } = handGuard();
    client.answers = false;
    client.beat();
    const fail = guard.action("fail", { run: no });
    for (let i = 0; i < 5; i++) await fail(null).catch(() => undefined);
    clock.pass(60 * 60_000);
    client.beat();
    expect(guard.state().breaker.state).toBe("open");
    expect(client.trips).toHaveLength(1);
  });

  it("asks again where the switch would not give the order: nobody could say yes", async () => {
    vi.useFakeTimers();
    try {
      const { guard, clock, client } = handGuard();
      client.beat();
      const trip = vi.spyOn(client, "trip").mockRejectedValueOnce(new Error("not with this token"));
      const fail = guard.action("fail", { run: no });
      for (let i = 0; i < 5; i++) await fail(null).catch(() => undefined);
      await answered();
      vi.advanceTimersByTime(100);
      expect(trip).toHaveBeenCalledTimes(1);
      clock.pass(5_000);
      vi.advanceTimersByTime(100);
      expect(trip).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("that resumes by itself never trips the fleet", async () => {
    const { guard, clock, client, write } = await opened({ breaker: { resume: "auto", cooldown: "10m" } });
    await answered();
    expect(client.trips).toEqual([]);
    await expect(write(1)).rejects.toMatchObject({ reason: "breaker", retryAfterSeconds: 600 });
    clock.pass(600_001);
    client.beat();
    await expect(write(1)).resolves.toBe(1);
    expect(guard.state().breaker.state).toBe("closed");
  });

  it("of one action type holds that type alone", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const refund = guard.action("refund", { run: no, breaker: { consecutiveFailures: 2 } });
    const write = guard.action("write", { run: ok });
    for (let i = 0; i < 2; i++) await refund(null).catch(() => undefined);
    await answered();
    expect(client.trips.map(({ type }) => type)).toEqual(["refund"]);
    await expect(refund(null)).rejects.toMatchObject({ reason: "breaker" });
    await expect(write(1)).resolves.toBe(1);
    client.release("support/refund");
    await expect(refund(null)).rejects.toThrow("no");
  });
});

describe("a replica", () => {
  it("follows the trip of another one, and tries writes with it", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    client.order({ scope: AGENT, mode: "read-only", cause: "breaker", by: "pod-2", reason: "error rate" });
    await expect(write(1)).rejects.toMatchObject({ reason: "breaker", message: expect.stringContaining("pod-2") });
    expect(guard.state().breaker).toMatchObject({ state: "open", signal: "fleet" });
    expect(client.trips).toEqual([]);
    client.release();
    expect(guard.state().breaker.state).toBe("half-open");
    await write(1);
    expect(guard.state().breaker.state).toBe("closed");
  });

  it("is read-only by a person's order, not by the breaker, where both hold it", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    client.order({ scope: AGENT, mode: "read-only", cause: "breaker", by: "pod-2", reason: "error rate" });
    client.order({ scope: AGENT, mode: "read-only", cause: "person" });
    await expect(write(1)).rejects.toMatchObject({ reason: "read-only", message: expect.stringContaining("by kim") });
  });
});
