import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { KillSample } from "../../src/evidence/facts.ts";
import { actingFile, beginActing, readActing } from "../../src/rehearsal/acting-file.ts";
import { killEvidence } from "../../src/rehearsal/evidence-words.ts";
import { rehearseSwitch } from "../../src/rehearsal/gather.ts";
import { recoverLeftovers } from "../../src/rehearsal/leftovers.ts";
import { folderForTest, gatheringFrom, valueOf } from "../evidence/support.ts";
import { startAgent } from "../support/agents/agent.ts";
import { SCOPE, SHORT } from "../support/agents/world.ts";
import { goodSample } from "../support/facts.ts";
import { startSwitch } from "../switch/support.ts";

/** Rehearsals of clawproof's own switch, against the real service. */

async function startWorld() {
  const [agent, killSwitch, folder] = await Promise.all([startAgent(), startSwitch(), folderForTest()]);
  const yaml = `version: 1
agent:
  name: support
  url: ${agent.url}
  probes: { write: { url: /write, method: POST, refused: [{ status: 503 }] } }
killSwitch: { provider: clawproof, url: "${killSwitch.url}", token: "\${SWITCH_TOKEN}", rehearse: {} }
`;
  const said: string[] = [];
  const gathering = gatheringFrom(folder, yaml, {
    env: { SWITCH_TOKEN: killSwitch.tokenFor("audit", ["kill", "release"]) },
    mayAct: true,
    progress: { show: () => undefined, say: (text) => void said.push(text), clear: () => undefined },
  });
  const isStopped = (): boolean => killSwitch.service.killSwitch.covering(SCOPE).stopped;
  agent.write = () => (isStopped() ? "refuse" : "accept");
  return { agent, killSwitch, folder, gathering, said, isStopped };
}

describe("a rehearsal of our own switch", () => {
  it("names its order, and says where no instance ever reported", async () => {
    const { gathering, killSwitch } = await startWorld();
    const fact = await rehearseSwitch(gathering, SHORT);
    const [sample] = valueOf(fact).samples;
    const { series } = killSwitch.service.killSwitch.standing;
    expect(sample).toMatchObject({
      kind: "deny",
      number: { series, epoch: 1 },
      obedience: { known: 0, obeyed: 0 },
      log: { entry: { by: "audit", scope: SCOPE } },
    });
    expect(JSON.stringify(fact)).toContain(`epoch 1 of series ${series}: no instance has reported to the switch`);
  });

  it("leaves the order of a person who pulled the same scope in the middle", async () => {
    const { gathering, killSwitch, agent, said, isStopped } = await startWorld();
    let asked = false;
    agent.write = () => {
      if (!isStopped()) return "accept";
      if (!asked) void killSwitch.call("/v1/kill", { body: { scope: SCOPE, reason: "it does this in drills too" } });
      asked = true;
      return "refuse";
    };
    expect(await rehearseSwitch(gathering, SHORT)).toMatchObject({
      state: "failed",
      why: expect.stringContaining(
        "operator gave an order on drill/support in the meantime (it does this in drills too)",
      ),
    });
    expect(killSwitch.service.killSwitch.standing.orders).toMatchObject([{ by: "operator", scope: SCOPE }]);
    expect(said.join()).toContain("LEFT AS IT IS");
  });

  it("is put back by the next run also where its order has ended by itself", async () => {
    const { gathering, killSwitch, folder, said, isStopped } = await startWorld();
    const mark = "clawproof-abcdef";
    const expired = new Promise<void>((resolve) =>
      killSwitch.service.killSwitch.onOrder(() => isStopped() || resolve()),
    );
    await killSwitch.call("/v1/kill", { body: { scope: SCOPE, reason: `${mark}: rehearsal`, ttlSeconds: 1 } });
    await beginActing(folder, {
      what: "kill-switch",
      scope: SCOPE,
      mark,
      activator: "kim@laptop",
      environment: null,
      config: gathering.project.sha256,
      at: new Date().toISOString(),
      putBack: "curl X",
      logBefore: [],
    });
    // A process id beyond what any system gives out.
    const left = { ...(await readActing(folder)), pid: 2 ** 30 };
    await writeFile(actingFile(folder), JSON.stringify(left));
    await expired;
    await recoverLeftovers(gathering, SHORT);
    expect(said.join()).not.toContain("LEFT AS IT IS");
    expect(await readActing(folder)).toBeNull();
    expect(gathering.notBack).toEqual([]);
  });
});

describe("who obeys, in words", () => {
  const names = Array.from({ length: 7 }, (_, index) => `pod-${index}`);
  const source = "GET https://stop.example.net/v1/fleet";
  it.each<[KillSample["obedience"], string]>([
    [
      { known: 12, obeyed: 12, pending: [], silent: [], source },
      "epoch 9 of series 3f9a: 12 of 12 instances obeyed (GET https://stop.example.net/v1/fleet)",
    ],
    [
      { known: 8, obeyed: 0, pending: names, silent: ["pod-9"], source },
      "epoch 9 of series 3f9a: 0 of 8 instances obeyed (GET https://stop.example.net/v1/fleet); " +
        "pending: pod-0, pod-1, pod-2, pod-3, pod-4 and 2 more; silent: pod-9",
    ],
    [
      { why: "answered 403", source },
      "epoch 9 of series 3f9a: who obeys could not be read (GET https://stop.example.net/v1/fleet: answered 403)",
    ],
  ])("%#", async (obedience, words) => {
    const { project } = gatheringFrom(
      "/nowhere",
      'version: 1\nagent: { name: support }\nkillSwitch: { provider: clawproof, url: "http://127.0.0.1:1", token: "${T}" }\n',
    );
    const number = { series: "3f9a", epoch: 9 };
    const evidence = await killEvidence(goodSample({ number, obedience }), project);
    expect(evidence).toContainEqual(expect.objectContaining({ fact: words, data: { ...number, obedience } }));
  });
});
