import { describe, expect, it } from "vitest";
import { createGuard } from "../../src/guard/guard.ts";
import type { GuardOptions, Notice } from "../../src/guard/options.ts";
import { afterThisTest } from "../support/ending.ts";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { heldAction } from "./support.ts";

/** The guard and the real service, over real HTTP. */

const ok = async (input: unknown): Promise<unknown> => input;
const no = (): Promise<never> => Promise.reject(new Error("no"));

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function guardOf(killSwitch: RunningSwitch, options: Partial<GuardOptions> = {}) {
  const token = killSwitch.tokenFor(`pod-${Math.random()}`, ["agent"], "support");
  const notices: Notice[] = [];
  const guard = createGuard({
    agent: "support",
    version: "2.4.1",
    killSwitch: { url: killSwitch.url, token },
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  afterThisTest(() => guard.close());
  await guard.ready();
  return { guard, notices, write: guard.action("write", { run: ok }), fail: guard.action("fail", { run: no }) };
}

const kill = (killSwitch: RunningSwitch, scope: string, mode = "stopped") =>
  killSwitch.call("/v1/kill", { body: { scope, mode, reason: "odd refunds" } });
const release = (killSwitch: RunningSwitch, scope: string) =>
  killSwitch.call("/v1/release", { body: { scope, reason: "fixed" } });

async function fleetStates(killSwitch: RunningSwitch): Promise<string[]> {
  const { body } = await killSwitch.call("/v1/fleet");
  return (body["instances"] as { state: string }[]).map(({ state }) => state);
}

describe("a guard on the real switch", () => {
  it("stops when it is killed, is seen to obey, and acts again when it is released", async () => {
    const killSwitch = await startSwitch();
    const { guard, write } = await guardOf(killSwitch, { fallback: "Paused." });
    await expect(write(1)).resolves.toBe(1);
    await kill(killSwitch, "support");
    await guard.stopped;
    await expect(write(1)).rejects.toMatchObject({ reason: "stopped", fallback: "Paused." });
    await until(async () => (await fleetStates(killSwitch)).join() === "obeyed");
    await release(killSwitch, "support");
    await until(() => guard.check("write").allowed);
    await expect(write(1)).resolves.toBe(1);
  });

  it("is not seen to obey while something runs that the order forbids", async () => {
    const killSwitch = await startSwitch();
    const { guard } = await guardOf(killSwitch);
    const held = heldAction();
    const call = guard.action("held", { run: held.run })(null);
    await kill(killSwitch, "support", "read-only");
    await until(() => held.calls[0]?.signal.aborted === true);
    await until(async () => {
      const { body } = await killSwitch.call("/v1/fleet");
      const [instance] = body["instances"] as { epoch: number; running: object }[];
      return instance?.epoch === 1 && JSON.stringify(instance.running) === '{"held":1}';
    });
    expect(await fleetStates(killSwitch)).toEqual(["pending"]);
    held.calls[0]?.end();
    await call;
    await until(async () => (await fleetStates(killSwitch)).join() === "obeyed");
  });

  it("trips all replicas when its breaker opens, and a person's release is the yes for all", async () => {
    const killSwitch = await startSwitch();
    const one = await guardOf(killSwitch);
    const other = await guardOf(killSwitch);
    for (let i = 0; i < 5; i++) await one.fail(null).catch(() => undefined);
    await until(() => !other.guard.check("write").allowed);
    await expect(other.write(1)).rejects.toMatchObject({ reason: "breaker" });
    const { orders } = killSwitch.service.killSwitch.standing;
    expect(orders).toEqual([expect.objectContaining({ scope: "support", mode: "read-only", cause: "breaker" })]);
    await release(killSwitch, "support");
    await until(() => one.guard.check("write").allowed && other.guard.check("write").allowed);
    await expect(Promise.all([one.write(1), other.write(2)])).resolves.toEqual([1, 2]);
    expect([one, other].map(({ guard }) => guard.state().breaker.state)).toEqual(["closed", "closed"]);
  });

  it("trips one action type alone where that has a breaker of its own", async () => {
    const killSwitch = await startSwitch();
    const { guard, write } = await guardOf(killSwitch);
    const refund = guard.action("refund", { run: no, breaker: { consecutiveFailures: 2 } });
    for (let i = 0; i < 2; i++) await refund(null).catch(() => undefined);
    await until(() => guard.state().killSwitch?.epoch === 1);
    expect(killSwitch.service.killSwitch.standing.orders.map(({ scope }) => scope)).toEqual(["support/refund"]);
    await expect(write(1)).resolves.toBe(1);
    await release(killSwitch, "support/refund");
    await until(() => guard.check("refund").allowed);
  });

  it("does not write past the lease of a service that has died, and writes again when it is back", async () => {
    const killSwitch = await startSwitch();
    const { guard, notices, write } = await guardOf(killSwitch, {
      killSwitch: { url: killSwitch.url, token: killSwitch.tokenFor("short", ["agent"], "support"), lease: 400 },
    });
    const died = performance.now();
    await killSwitch.close();
    let last = died;
    const refusals = new Set<unknown>();
    await until(async () => {
      const started = performance.now();
      const reason: unknown = await write(1).then(
        () => null,
        (error: unknown) => (error as { reason?: unknown }).reason,
      );
      if (reason === null) last = started;
      else refusals.add(reason);
      // What the service sent before it died may be read after a pause of this process.
      return reason !== null && guard.check("write").reason === "lost";
    });
    expect([...refusals]).toEqual(["lost"]);
    expect(last - died).toBeLessThanOrEqual(400);
    await until(() => notices.some(({ code }) => code === "lost"));
  });

  it("says loudly that its token was revoked, and writes no more", async () => {
    const killSwitch = await startSwitch();
    const token = killSwitch.tokenFor("revoked-pod", ["agent"], "support");
    const { notices, write } = await guardOf(killSwitch, { killSwitch: { url: killSwitch.url, token } });
    await killSwitch.call("/v1/tokens/revoked-pod", { method: "DELETE" });
    await until(() => notices.some(({ code }) => code === "refused"));
    await expect(write(1)).rejects.toMatchObject({ reason: "lost" });
    expect(JSON.stringify(notices)).not.toContain(token);
  });
});
