import { describe, expect, it } from "vitest";
import { readBreakerFigures } from "../../src/evidence/breaker-figures.ts";
import { handGuard } from "./support.ts";

const URL = "http://agent.example/guard";
const ok = async (input: unknown): Promise<unknown> => input;

function post(body: unknown, token?: string): Request {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Request(URL, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers });
}

describe("guard.handler", () => {
  it("tells the breaker's limits as the audit reads them, and the state beside them", async () => {
    const { guard, client } = handGuard({ breaker: { errorRatePct: 12, window: "2m", anomaly: () => false } });
    client.order({ mode: "read-only" });
    const response = await guard.handler()(new Request(URL));
    const body = (await response.json()) as Record<string, unknown>;
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(readBreakerFigures(body, {})).toMatchObject({
      errorRatePct: 12,
      anomalyRatePct: 10,
      volumeSpikeFactor: 3,
      windowMs: 120_000,
      cooldownMs: 600_000,
      minimumSamples: 10,
      consecutiveFailures: 5,
      enabled: true,
      problems: [],
    });
    expect(body).toMatchObject({
      agent: "support",
      version: "2.4.1",
      mode: "read-only",
      killSwitch: { series: "s1", epoch: 1, leaseLeftMs: 15_000, orders: [{ by: "kim" }] },
      breaker: { state: "closed", signal: null },
      drill: { breaker: { state: "closed" } },
      running: 0,
    });
  });

  it("names no anomaly threshold where nobody looks for anomalies", async () => {
    const { guard } = handGuard();
    const body = await (await guard.handler()(new Request(URL))).json();
    expect(readBreakerFigures(body, {}).anomalyRatePct).toBeUndefined();
  });

  it("opens and closes the breaker of drill calls for an operator, and no other", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const handler = guard.handler({ operator: "op-token" });
    const write = guard.action("write", { run: ok });
    const opened = await handler(post({ breaker: "open" }, "op-token"));
    expect([opened.status, ((await opened.json()) as { drill: { breaker: object } }).drill.breaker]).toEqual([
      200,
      expect.objectContaining({ state: "open", signal: "operator" }),
    ]);
    await expect(write(1, { drill: true })).rejects.toMatchObject({ reason: "breaker" });
    await expect(write(1)).resolves.toBe(1);
    expect(client.trips).toEqual([]);
    await handler(post({ breaker: "closed", scope: "drill/support" }, "op-token"));
    await expect(write(1, { drill: true })).resolves.toBe(1);
  });

  it.each([
    ["without a token", post({ breaker: "open" }), 401],
    ["with another token", post({ breaker: "open" }, "op-tokem"), 401],
    ["with no JSON", post("open", "op-token"), 400],
    ["with another word", post({ breaker: "half" }, "op-token"), 400],
    ["for real calls", post({ breaker: "open", scope: "support" }, "op-token"), 400],
    ["with null", post(null, "op-token"), 400],
    ["by PUT", new Request(URL, { method: "PUT" }), 405],
  ])("refuses %s", async (_how, request, status) => {
    const { guard } = handGuard();
    expect((await guard.handler({ operator: "op-token" })(request)).status).toBe(status);
    expect(guard.state().drill.breaker.state).toBe("closed");
  });

  it("lets nobody post where no operator was named", async () => {
    const { guard } = handGuard();
    expect((await guard.handler()(post({ breaker: "open" }, "undefined"))).status).toBe(405);
    expect(() => guard.handler({ operator: "" })).toThrow(TypeError);
  });
});
