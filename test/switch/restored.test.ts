import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Order } from "../../src/switch/protocol/order.ts";
import { hear, modeIn } from "../../src/switch/protocol/view.ts";
import { backUpDataFile } from "../../src/switch/service/backup.ts";
import {
  AGENT,
  BOTH,
  type Core,
  copyDataFile,
  inForce,
  KILLER,
  newFolder,
  openCore,
  RELEASER,
  reportOf,
  wholeLog,
} from "./core.ts";
import { startSwitch } from "./support.ts";

const SUPPORT = { agent: "support" };
const MAIL = "the mail agent is told too";

/** A switch on a copy of the disk from before `lost` was ordered, and what a client knew by then. */
async function restored(
  lost: (core: Core) => void,
): Promise<{ core: Core; known: ReturnType<Core["killSwitch"]["state"]> }> {
  const first = await openCore();
  first.killSwitch.kill({ scope: "sales", mode: "read-only", reason: "before the backup" }, KILLER);
  const backup = join(await newFolder(), "switch.db");
  await copyDataFile(first.dataFile, backup);
  lost(first);
  const known = first.killSwitch.state();
  first.close();
  return { core: await openCore({ dataFile: backup }), known };
}

const killSupport = ({ killSwitch }: Core): void => {
  killSwitch.kill({ scope: "support", reason: MAIL }, KILLER);
};

describe("a restored backup", () => {
  it("is known by a client that reports more than the service has: everything stops, until a person releases it", async () => {
    const { core, known } = await restored(killSupport);
    const { killSwitch, store } = core;
    expect(inForce(killSwitch.standing.orders)).toEqual(["sales read-only"]);
    const pushed: (readonly Order[])[] = [];
    killSwitch.onOrder(() => pushed.push(killSwitch.standing.orders));
    killSwitch.report(reportOf(killSwitch, { epoch: known.epoch }), AGENT.caller);
    expect(inForce(killSwitch.standing.orders)).toEqual(["sales read-only", "* stopped"]);
    expect(killSwitch.standing.epoch).toBe(known.epoch + 1);
    expect(pushed).toEqual([killSwitch.standing.orders]);
    expect(killSwitch.standing.orders[1]).toMatchObject({
      by: "clawproof",
      cause: "person",
      reason: expect.stringMatching(/pod-1 of support has heard order 2, .* restored from a backup/) as string,
    });
    expect(wholeLog(store).at(-1)).toMatchObject({ kind: "kill", restored: true, by: "clawproof", from: null });
    expect(() => killSwitch.release({ scope: "*", reason: "x" }, KILLER)).toThrow(/needs the role release/);
    expect(killSwitch.release({ scope: "*", reason: "checked" }, RELEASER).mode).toBe("running");
  });

  it("loosens no client: it counts as not heard until it has a higher number", async () => {
    const { core, known } = await restored(killSupport);
    const { killSwitch } = core;
    const view = hear(known, killSwitch.state());
    expect(view).toBe(known);
    killSwitch.report(reportOf(killSwitch, { epoch: known.epoch }), AGENT.caller);
    expect(modeIn(hear(view, killSwitch.state()), SUPPORT)).toBe("stopped");
  });

  it("that has come to the same number by other orders loosens no client either", async () => {
    const { core, known } = await restored(killSupport);
    const { killSwitch } = core;
    killSwitch.kill({ scope: "web", reason: "the same number again" }, KILLER);
    expect(killSwitch.standing.epoch).toBe(known.epoch);
    const view = hear(known, killSwitch.state());
    expect([modeIn(view, SUPPORT), modeIn(view, { agent: "web" })]).toEqual(["stopped", "stopped"]);
  });

  it("stops everything where a release was lost, too: nobody can know what else was", async () => {
    const { core, known } = await restored(({ killSwitch }) =>
      killSwitch.release({ scope: "sales", reason: "x" }, BOTH),
    );
    core.killSwitch.report(reportOf(core.killSwitch, { epoch: known.epoch }), AGENT.caller);
    expect(modeIn(hear(known, core.killSwitch.state()), { agent: "sales" })).toBe("stopped");
  });

  it("is stopped once for all clients that heard as much, and again for one that heard more", async () => {
    const { core, known } = await restored((first) => {
      killSupport(first);
      first.killSwitch.kill({ scope: "web", reason: "x" }, KILLER);
      first.killSwitch.kill({ scope: "chat", reason: "x" }, KILLER);
    });
    const { killSwitch } = core;
    const report = (instance: string, epoch: number): number => {
      killSwitch.report(reportOf(killSwitch, { instance, epoch }), AGENT.caller);
      return killSwitch.standing.epoch;
    };
    expect(report("pod-1", 2)).toBe(3);
    expect(report("pod-2", 2)).toBe(3);
    expect(report("pod-3", known.epoch)).toBe(known.epoch + 1);
    expect(inForce(killSwitch.standing.orders)).toEqual(["sales read-only", "* stopped"]);
  });

  it("stays stopped over a restart", async () => {
    const { core, known } = await restored(killSupport);
    core.killSwitch.report(reportOf(core.killSwitch, { epoch: known.epoch }), AGENT.caller);
    core.close();
    const again = await openCore({ dataFile: core.dataFile });
    expect(inForce(again.killSwitch.standing.orders)).toEqual(["sales read-only", "* stopped"]);
  });
});

it("over HTTP: a copy of the disk, put back, is stopped by the first agent that reports", async () => {
  const first = await startSwitch();
  const agent = first.tokenFor("support-token", ["agent"], "support");
  const dataFile = join(await newFolder(), "switch.db");
  await copyDataFile(first.dataFile, dataFile);
  const killed = await first.call("/v1/kill", { body: { scope: "support", reason: MAIL } });
  await first.close();
  const second = await startSwitch({ dataFile, admin: first.admin });
  const { series, epoch } = killed.body;
  const report = { instance: "pod-1", agent: "support", version: "1", series, epoch };
  expect((await second.call("/v1/state?scope=support")).body).toMatchObject({ mode: "running", orders: [] });
  expect((await second.call("/v1/report", { token: agent, body: report })).status).toBe(204);
  const state = await second.call("/v1/state?scope=support");
  expect(state.body).toMatchObject({ mode: "stopped", orders: [{ scope: "*", by: "clawproof" }] });
});

describe("a backup of our own", () => {
  it("stops everything on its first start, before anybody reports, and not again once it was released", async () => {
    const first = await openCore();
    const backup = join(await newFolder(), "switch.db");
    await backUpDataFile(first.dataFile, backup);
    killSupport(first);
    const known = first.killSwitch.state();
    first.close();
    const core = await openCore({ dataFile: backup });
    expect(inForce(core.killSwitch.standing.orders)).toEqual(["* stopped"]);
    expect(wholeLog(core.store).at(-1)).toMatchObject({ kind: "kill", restored: true, by: "clawproof" });
    expect(core.killSwitch.standing.orders[0]?.reason).toMatch(/restored from a backup of \d{4}-/);
    // Both hold: the number is the same, and what was lost is not what is there.
    expect(inForce(hear(known, core.killSwitch.state())?.orders ?? [])).toEqual(["* stopped", "support stopped"]);
    core.killSwitch.release({ scope: "*", reason: "checked" }, RELEASER);
    core.close();
    const again = await openCore({ dataFile: backup });
    expect(again.killSwitch.standing.orders).toEqual([]);
  });
});

describe("reports of orders that nobody knows", () => {
  it("are believed ten times, and named with the token that made them", async () => {
    const { killSwitch, store } = await openCore();
    const ahead = (): void =>
      killSwitch.report(reportOf(killSwitch, { epoch: killSwitch.standing.epoch + 1 }), AGENT.caller);
    for (let count = 0; count < 10; count++) ahead();
    const { name, from } = AGENT.caller;
    expect(wholeLog(store).at(-1)).toMatchObject({ restored: true, reportedBy: name, reportedFrom: from });
    const { epoch } = killSwitch.standing;
    expect(ahead).toThrow(/10 such reports were believed already/);
    expect(killSwitch.standing.epoch).toBe(epoch);
  });
});
