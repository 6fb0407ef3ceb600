import { describe, expect, it } from "vitest";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { follow } from "./wire.ts";

const KILL = { reason: "it refunds everyone" };

async function metricsOf(it: RunningSwitch, token: string | null): Promise<Map<string, number>> {
  const { status, headers, body } = await it.call("/metrics", { token });
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const lines = String(body["text"])
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

describe("/metrics", () => {
  it("counts orders, instances, streams and what is not on the disk", async () => {
    const it = await startSwitch();
    const token = it.tokenFor("support", ["agent"], "support");
    const { series } = it.service.killSwitch.standing;
    await it.call("/v1/kill", { body: { ...KILL, scope: "support", mode: "read-only" } });
    await it.call("/v1/kill", { body: { ...KILL, scope: "drill/support" } });
    await it.call("/v1/report", { token, body: { instance: "one", agent: "support", series, epoch: 1 } });
    await it.call("/v1/report", { token, body: { instance: "two", agent: "support", series, epoch: 0 } });
    const stream = await follow(it.url, it.admin);
    await stream.next("state");
    const metrics = await metricsOf(it, null);
    expect(Object.fromEntries(metrics)).toEqual({
      clawproof_switch_epoch: 2,
      clawproof_switch_log_entries: it.service.killSwitch.store.head.seq,
      clawproof_switch_durable: 1,
      clawproof_switch_event_streams: 1,
      clawproof_switch_alerts_pending: 0,
      'clawproof_switch_orders{mode="stopped"}': 0,
      'clawproof_switch_orders{mode="read-only"}': 1,
      'clawproof_switch_instances{state="obeyed"}': 1,
      'clawproof_switch_instances{state="pending"}': 1,
      'clawproof_switch_instances{state="silent"}': 0,
    });
  });

  it("names agents and instances to those alone who may read the fleet, whatever they are called", async () => {
    const it = await startSwitch();
    const token = it.tokenFor("support", ["agent"], "support");
    const { series } = it.service.killSwitch.standing;
    const instance = 'a"b\\c clawproof_switch_epoch 99';
    await it.call("/v1/report", { token, body: { instance, agent: "support", series, epoch: 0 } });
    const names = async (who: string | null) =>
      [...(await metricsOf(it, who)).keys()].filter((key) => key.includes("agent="));
    const forged = { instance: "a\nclawproof_switch_epoch 99", agent: "support", series, epoch: 0 };
    expect((await it.call("/v1/report", { token, body: forged })).status).toBe(400);
    expect(await names(null)).toEqual([]);
    expect(await names(token)).toEqual([]);
    const label = 'clawproof_switch_instance_obeys{agent="support",instance="a\\"b\\\\c clawproof_switch_epoch 99"}';
    expect(await names(it.tokenFor("prometheus", ["read"]))).toEqual([label]);
    expect((await metricsOf(it, it.admin)).get("clawproof_switch_epoch")).toBe(0);
  });
});
