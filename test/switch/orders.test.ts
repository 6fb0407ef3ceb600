import { describe, expect, it } from "vitest";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { follow } from "./wire.ts";

/** Orders over HTTP: what is answered, what then holds, and who may loosen it. */

const BODY = { scope: "support", reason: "it refunds everyone" };

async function modeOn(it: RunningSwitch, scope: string): Promise<unknown> {
  return (await it.call(`/v1/state?scope=${encodeURIComponent(scope)}`)).body["mode"];
}

async function orderEntries(it: RunningSwitch): Promise<Record<string, unknown>[]> {
  return (await it.call("/v1/log?orders=1")).body["entries"] as Record<string, unknown>[];
}

describe("an order", () => {
  it("is answered with who, what, when and who obeys, and is then in force", async () => {
    const it = await startSwitch();
    const { status, body } = await it.call("/v1/kill", { body: BODY });
    expect(status).toBe(200);
    expect(body).toEqual({
      series: it.service.killSwitch.standing.series,
      epoch: 1,
      scope: "support",
      mode: "stopped",
      by: "operator",
      at: expect.stringMatching(/^\d{4}-.+Z$/) as string,
      durable: true,
      cause: "person",
      instances: { known: 0, obeyed: 0 },
      covering: [],
    });
    expect(await modeOn(it, "support")).toBe("stopped");
    expect(await modeOn(it, "support/refund")).toBe("stopped");
    expect(await modeOn(it, "other")).toBe("running");
  });

  it("never loosens a stricter one on another scope, and its answer names that one", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: { scope: "*", reason: "all of it" } });
    const { body } = await it.call("/v1/kill", { body: { ...BODY, mode: "read-only" } });
    expect(body).toMatchObject({ epoch: 2, mode: "stopped", covering: [{ scope: "*", mode: "stopped", epoch: 1 }] });
    const released = await it.call("/v1/release", { body: { scope: "*", reason: "it was a false alarm" } });
    expect(released.body).toMatchObject({ epoch: 3, mode: "running", ended: [{ epoch: 1 }], covering: [] });
    expect(await modeOn(it, "support")).toBe("read-only");
  });

  it("of a drill holds for drills alone; a real one for both", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: { ...BODY, scope: "drill/support" } });
    expect(await modeOn(it, "support")).toBe("running");
    expect(await modeOn(it, "drill/support/refund")).toBe("stopped");
    await it.call("/v1/release", { body: { ...BODY, scope: "drill/support" } });
    await it.call("/v1/kill", { body: BODY });
    expect(await modeOn(it, "drill/support")).toBe("stopped");
  });

  it("releases what stands on exactly its scope, says what still covers it, and is an order itself", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: { ...BODY, scope: "*" } });
    await it.call("/v1/kill", { body: BODY });
    const { body } = await it.call("/v1/release", { body: BODY });
    expect(body).toMatchObject({ epoch: 3, mode: "stopped", ended: [{ epoch: 2 }], covering: [{ scope: "*" }] });
    const again = await it.call("/v1/release", { body: BODY });
    expect(again).toMatchObject({ status: 200, body: { epoch: 4, ended: [] } });
    expect((await orderEntries(it)).map(({ kind, epoch }) => [kind, epoch])).toEqual([
      ["kill", 1],
      ["kill", 2],
      ["release", 3],
      ["release", 4],
    ]);
  });

  it("survives a restart, epochs go on, and the series stays", async () => {
    const it = await startSwitch();
    const { body: before } = await it.call("/v1/kill", { body: BODY });
    await it.close();
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    expect(await modeOn(again, "support")).toBe("stopped");
    const { body } = await again.call("/v1/release", { body: BODY });
    expect(body).toMatchObject({ series: before["series"], epoch: 2 });
  });
});

describe("loosening", () => {
  it("takes the role release, and the attempt is in the log", async () => {
    const it = await startSwitch();
    const killer = it.tokenFor("killer", ["kill"]);
    await it.call("/v1/kill", { body: BODY });
    const milder = await it.call("/v1/kill", { token: killer, body: { ...BODY, mode: "read-only" } });
    expect(milder.status).toBe(403);
    expect(milder.body.error).toContain("needs the role release");
    const release = await it.call("/v1/release", { token: killer, body: BODY });
    expect(release.status).toBe(403);
    expect(await modeOn(it, "support")).toBe("stopped");
    const { body } = await it.call("/v1/log?last=2");
    expect(body["entries"]).toMatchObject([
      { kind: "refused", by: "killer", from: "127.0.0.1", doing: "POST /v1/kill" },
      { kind: "refused", by: "killer", from: "127.0.0.1", doing: "POST /v1/release" },
    ]);
    expect((await it.call("/v1/kill", { body: { ...BODY, mode: "read-only" } })).status).toBe(200);
    expect(await modeOn(it, "support")).toBe("read-only");
  });

  it("is also a kill that ends by itself in the place of one that does not", async () => {
    const it = await startSwitch();
    const killer = it.tokenFor("killer", ["kill"]);
    const drill = { scope: "drill/support", reason: "a drill" };
    await it.call("/v1/kill", { token: killer, body: drill });
    const shorter = await it.call("/v1/kill", { token: killer, body: { ...drill, ttlSeconds: 60 } });
    expect(shorter.status).toBe(403);
  });

  it("leaves an order that is newer than ifEpoch", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: BODY });
    await it.call("/v1/kill", { body: { ...BODY, reason: "and it mails them too" } });
    const late = await it.call("/v1/release", { body: { ...BODY, ifEpoch: 1 } });
    expect(late.status).toBe(409);
    expect(late.body.error).toContain("order 2 by operator (and it mails them too)");
    expect(await modeOn(it, "support")).toBe("stopped");
    expect((await it.call("/v1/release", { body: { ...BODY, ifEpoch: 2 } })).status).toBe(200);
    expect(await modeOn(it, "support")).toBe("running");
  });
});

describe("a trip", () => {
  const TRIP = { instance: "one", signal: "error rate", figures: { rate: 0.4 } };

  it("makes the agent's own scope read-only beside a person's order, and a release ends both", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("agent", ["agent"], "support");
    const { status, body } = await it.call("/v1/trip", { token: agent, body: TRIP });
    expect(status).toBe(200);
    expect(body).toMatchObject({ epoch: 1, scope: "support", mode: "read-only", cause: "breaker", by: "agent" });
    await it.call("/v1/kill", { body: BODY });
    const again = await it.call("/v1/trip", { token: agent, body: TRIP });
    expect(again.body, "one that stands is answered as it is").toMatchObject({ epoch: 1, mode: "stopped" });
    const released = await it.call("/v1/release", { body: BODY });
    expect(released.body["ended"]).toMatchObject([
      { epoch: 1, cause: "breaker" },
      { epoch: 2, cause: "person" },
    ]);
    const trips = (await orderEntries(it)).filter(({ kind }) => kind === "trip");
    expect(trips).toMatchObject([{ instance: "one", signal: "error rate", figures: { rate: 0.4 } }]);
  });

  it("may name one action type, once for each Idempotency-Key, and a release of exactly that scope ends it", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("agent", ["agent"], "support");
    const trip = (type: unknown) =>
      it.call("/v1/trip", {
        token: agent,
        body: { ...TRIP, type },
        headers: { "idempotency-key": `k-${JSON.stringify(type)}` },
      });
    expect((await trip("refund")).body).toMatchObject({ epoch: 1, scope: "support/refund", mode: "read-only" });
    expect((await trip("refund")).body).toMatchObject({ epoch: 1, scope: "support/refund", replayed: true });
    for (const wrong of ["", "a/b", "*", 7, null]) expect((await trip(wrong)).status).toBe(400);
    expect(await modeOn(it, "support/refund")).toBe("read-only");
    expect(await modeOn(it, "support")).toBe("running");
    const whole = await it.call("/v1/release", { body: BODY });
    expect(whole.body["ended"]).toEqual([]);
    const released = await it.call("/v1/release", { body: { ...BODY, scope: "support/refund" } });
    expect(released.body["ended"]).toMatchObject([{ epoch: 1, cause: "breaker" }]);
    expect(await modeOn(it, "support/refund")).toBe("running");
  });

  it("is for agents alone", async () => {
    const it = await startSwitch();
    expect((await it.call("/v1/trip", { body: TRIP })).status).toBe(403);
  });
});

describe("a time to live", () => {
  it("is for drills alone, of 1 to 86,400 seconds", async () => {
    const it = await startSwitch();
    const kill = async (scope: string, ttlSeconds: unknown) =>
      (await it.call("/v1/kill", { body: { ...BODY, scope, ttlSeconds } })).status;
    expect(await kill("support", 60)).toBe(400);
    for (const wrong of [0, -1, 86_401, 1.5, "60", null]) expect(await kill("drill/support", wrong)).toBe(400);
    expect(await kill("drill/support", 86_400)).toBe(200);
    expect(await orderEntries(it)).toHaveLength(1);
  });

  it("ends in an order of its own, which is pushed", async () => {
    const it = await startSwitch();
    const stream = await follow(it.url, it.admin);
    await stream.next("state");
    await it.call("/v1/kill", { body: { scope: "drill/support", reason: "a drill", ttlSeconds: 1 } });
    expect((await stream.next("state")).data["orders"]).toMatchObject([{ scope: "drill/support" }]);
    expect((await stream.next("state")).data).toMatchObject({ epoch: 2, orders: [] });
    expect(await orderEntries(it)).toMatchObject([
      { kind: "kill", epoch: 1, ttlSeconds: 1 },
      { kind: "expired", epoch: 2, by: "clawproof", ended: [{ epoch: 1 }] },
    ]);
  });
});
