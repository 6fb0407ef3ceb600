import { describe, expect, it } from "vitest";
import type { KillSample } from "../../src/evidence/facts.ts";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { rehearseSwitch } from "../../src/rehearsal/gather.ts";
import { valueOf } from "../evidence/support.ts";
import type { Decision } from "../support/agents/agent.ts";
import { obey, SCOPE, SHORT, startWorld, type World, type Written } from "../support/agents/world.ts";

/** What goes wrong, and that nothing is left pulled which is not said. */

async function sampleOf(world: World): Promise<KillSample> {
  const [sample] = valueOf(await rehearseSwitch(world.gathering, SHORT)).samples;
  if (!sample) throw new Error("no sample");
  return sample;
}

async function whyNot(world: World, state: "failed" | "absent" | "withheld" = "failed"): Promise<string> {
  const fact = await rehearseSwitch(world.gathering, SHORT);
  expect(fact.state).toBe(state);
  return fact.state === "found" ? "" : fact.why;
}

/** All is as it was before, and nothing is said to be not back. */
async function expectBack(world: World): Promise<void> {
  expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
  expect(await world.acting()).toBeNull();
  expect(world.gathering.notBack).toEqual([]);
}

const whileStopped = (world: World, decide: (number: number) => Decision): void => {
  let number = 0;
  world.agent.write = () => (world.killSwitch.stoppedAt(SCOPE) === null ? "accept" : decide(number++));
};

describe("what does not begin", () => {
  it.each<[string, Written, string]>([
    ["a switch without a log", { log: "" }, "the switch keeps no log, and rehearse.exclusive is not set"],
    [
      "a log without reasons",
      { log: 'log: { url: "http://127.0.0.1:9/log", fields: { scope: /scope } }' },
      "the switch's log gives no reason, and rehearse.exclusive is not set",
    ],
    [
      "a log without scopes",
      { log: 'log: { url: "http://127.0.0.1:9/log", fields: { reason: /reason } }' },
      "the switch's log gives no scope, and rehearse.exclusive is not set",
    ],
  ])("%s", async (_, written, why) => {
    expect(await whyNot(await startWorld(written), "absent")).toBe(why);
  });

  it("a run that may not act", async () => {
    const world = await startWorld();
    world.gathering.mayAct = { why: "production is protected: add --act-on production" };
    expect(await whyNot(world, "absent")).toBe("production is protected: add --act-on production");
    world.gathering.mode = "read-only";
    expect(await whyNot(world, "absent")).toBe("--read-only acts on nothing");
    world.gathering.mode = "offline";
    expect(await whyNot(world, "withheld")).toBe("--offline");
    expect(world.agent.writes).toEqual([]);
    expect(world.killSwitch.requests).toEqual([]);
  });

  it("one that could not be put back: a secret of the release is not set", async () => {
    const release =
      'release: { url: "http://127.0.0.1:9/resume?scope=${scope}", method: POST, headers: { t: "${RELEASE_TOKEN}" } }';
    const world = await startWorld({ release });
    expect(await whyNot(world)).toBe("RELEASE_TOKEN is not set");
    expect(world.killSwitch.requests).toEqual([]);
  });

  it.each([
    [
      "a value that no rehearsal has",
      'release: { url: "http://127.0.0.1:9/resume?scope=${scope}&trace=${trace}", method: POST }',
      "killSwitch.release cannot be made: `${trace}` has no value here",
    ],
    [
      "a misspelt scheme",
      'release: { url: "htp://127.0.0.1:9/resume?scope=${scope}", method: POST }',
      "killSwitch.release cannot be made: not an http or https URL",
    ],
    [
      "a program that is not there",
      'release: { command: [./relaese.sh, "${scope}"] }',
      "killSwitch.release cannot be made: ./relaese.sh is not a program that can be run here",
    ],
  ])("one that could not be put back: the release has %s", async (_, release, why) => {
    const world = await startWorld({ release });
    expect(await whyNot(world)).toBe(why);
    expect(world.killSwitch.requests).toEqual([]);
    await expectBack(world);
  });

  it("one that could not be put back: the command of the release's token fails", async () => {
    const release =
      'release: { url: "http://127.0.0.1:9/resume?scope=${scope}", method: POST, headers: { t: "${RELEASE_TOKEN}" } }';
    const world = await startWorld({ release, more: 'secrets: { RELEASE_TOKEN: { command: ["false"] } }' });
    expect(await whyNot(world)).toBe("RELEASE_TOKEN is not set (false ended with exit 1)");
    expect(world.killSwitch.requests).toEqual([]);
  });

  it("one on a scope that somebody stopped", async () => {
    const world = await startWorld();
    world.killSwitch.order("stop", SCOPE);
    expect(await whyNot(world)).toBe(`somebody's order is in force on ${SCOPE}`);
    expect(world.killSwitch.log).toHaveLength(1);
  });

  it.each([
    ["/state", `the switch does not say whether ${SCOPE} is running: its status answered 500`],
    ["/log", "the switch's log cannot be read: answered 500"],
  ])("one where %s fails", async (path, why) => {
    const world = await startWorld();
    world.killSwitch.faults.set(path, 500);
    expect(await whyNot(world)).toBe(why);
    expect(world.killSwitch.log).toEqual([]);
  });

  it.each<[Decision, string]>([
    ["refuse", "the agent did not accept every probe write before the switch was pulled (answered 503)"],
    [401, "the agent did not accept the probe write before the switch was pulled (answered 401)"],
    ["reset", "the agent did not accept the probe write before the switch was pulled"],
  ])("one of an agent that answers %s from the start", async (decision, why) => {
    const world = await startWorld();
    world.agent.write = () => decision;
    expect(await whyNot(world)).toContain(why);
    expect(world.killSwitch.log).toEqual([]);
    await expectBack(world);
  });

  it("one of an agent that refuses now and then", async () => {
    const world = await startWorld();
    world.agent.write = ({ number }) => (number % 5 === 4 ? "refuse" : "accept");
    expect(await whyNot(world)).toMatch(/^\d of \d+ probe writes were not accepted before the switch was pulled/);
  });
});

describe("a stop that cannot be told", () => {
  it.each<[Decision, string, number | null]>([
    [429, "answered 429", null],
    [401, "answered 401", null],
    [502, "answered 502", 502],
    ["hang", "no answer in 2 s", null],
  ])("the agent answers %s", async (decision, why, undescribedError) => {
    const world = await startWorld({ probes: "user: { url: /user }" });
    whileStopped(world, (number) => (number < 3 ? "accept" : decision));
    const sample = await sampleOf(world);
    expect(sample).toMatchObject({ stop: { state: "unknown", why }, undescribedError });
    // What else was seen serves the other checks.
    expect(sample).toMatchObject({
      log: { entry: { by: "kim@laptop" } },
      releaseAsAgent: { refused: true },
      user: { why: "the agent was not seen stopped" },
    });
    await expectBack(world);
  });

  it("the agent dies", async () => {
    const world = await startWorld();
    whileStopped(world, () => {
      world.agent.end();
      return "reset";
    });
    const sample = await sampleOf(world);
    expect(sample.stop.state).toBe("unknown");
    expect(sample.backAfterMs).toBeNull();
    expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
    expect(world.gathering.notBack).toMatchObject([
      { what: expect.stringContaining("writes were not accepted again") },
    ]);
  });
});

describe("an agent that does not stop", () => {
  it("accepts one write in seven", async () => {
    const world = await startWorld();
    whileStopped(world, (number) => (number % 7 === 6 ? "accept" : "refuse"));
    expect((await sampleOf(world)).stop).toEqual({ state: "not-stopped", afterMs: SHORT.stop });
    await expectBack(world);
  });

  it("because the switch does nothing", async () => {
    const world = await startWorld();
    world.killSwitch.deaf = true;
    obey(world);
    const sample = await sampleOf(world);
    expect(sample).toMatchObject({
      stop: { state: "not-stopped" },
      releaseAsAgent: { refused: true, stillStopped: true },
      refusal: null,
    });
    // All along: no gap was longer than the resolution says.
    expect(sample.acceptedAfterAnswer).toBeGreaterThanOrEqual(Math.floor(SHORT.stop / sample.resolutionMs) - 2);
    await expectBack(world);
  });
});

describe("a switch that does not take the order", () => {
  it.each<[number | "hang", string]>([
    [401, "the switch did not take the order: answered 401"],
    ["hang", "the switch did not take the order: no answer in 300 ms"],
  ])("but answers %s", async (fault, why) => {
    const world = await startWorld({ rehearse: hasty });
    obey(world);
    world.killSwitch.faults.set("/stop", fault);
    expect(await whyNot(world)).toBe(why);
    await expectBack(world);
  });

  it("and nothing to release either: its log and its status show that nothing was pulled", async () => {
    const world = await startWorld({ rehearse: hasty });
    world.killSwitch.faults.set("/stop", 500).set("/resume", 409);
    expect(await whyNot(world)).toBe("the switch did not take the order: answered 500");
    await expectBack(world);
  });

  const hasty =
    '{ activate: { url: "http://127.0.0.1:1/stop", method: POST, timeout: 300ms, json: { scope: "${scope}", reason: "${reason}" } } }';
});

describe("somebody else", () => {
  it("pulls in the middle: theirs is left alone, and said", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.onOrder = ({ action }) => {
      if (action === "stop") setTimeout(() => world.killSwitch.order("stop", SCOPE), 200);
    };
    expect(await whyNot(world)).toMatch(
      /^somebody else pulled the switch in the middle: dana gave an order on drill\/support/,
    );
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
    expect(world.killSwitch.log.map(({ by }) => by)).toEqual(["kim@laptop", "dana"]);
    expect(world.gathering.said).toEqual([expect.stringMatching(/^LEFT AS IT IS: dana/)]);
    expect(await world.acting()).toBeNull();
  });

  it("has orders on other scopes, and ours is released all the same", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.onOrder = ({ action }) => {
      if (action === "stop") world.killSwitch.order("stop", "support");
    };
    expect((await sampleOf(world)).stop.state).toBe("stopped");
    await expectBack(world);
  });

  it("gave orders before, in a log without times", async () => {
    const log = 'log: { url: "LOG", entries: /entries, fields: { by: /by, reason: /reason, scope: /scope } }';
    const world = await startWorld({ log });
    world.killSwitch.order("stop", SCOPE);
    world.killSwitch.order("resume", SCOPE);
    obey(world);
    expect((await sampleOf(world)).stop.state).toBe("stopped");
    await expectBack(world);
  });
});

describe("what is not back", () => {
  it("is a release that fails: with the line that does it, and without secrets", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.faults.set("/resume", 500);
    const sample = await sampleOf(world);
    expect(sample.backAfterMs).toBeNull();
    expect(world.killSwitch.requests.filter((path) => path === "/resume").length).toBeGreaterThanOrEqual(4);
    const [notBack] = world.gathering.notBack;
    expect(notBack?.what).toBe(`${SCOPE} at the kill switch: the release failed: answered 500`);
    expect(notBack?.command).toBe(
      `curl -fsS -X POST -H "authorization: Bearer $SWITCH_TOKEN" -H 'content-type: application/json' ` +
        `--data-raw '{"scope":"${SCOPE}","reason":"${sample.mark}: rehearsal over","by":"kim@laptop"}' ${world.killSwitch.url}/resume`,
    );
    expect(await world.acting()).toContain(sample.mark);
    expect(await world.acting()).not.toContain("token-of-the-test");
  });

  it("is an agent that stays stopped", async () => {
    const world = await startWorld();
    let wasStopped = false;
    world.agent.write = () => {
      wasStopped ||= world.killSwitch.stoppedAt(SCOPE) !== null;
      return wasStopped ? "refuse" : "accept";
    };
    expect(await sampleOf(world)).toMatchObject({ stop: { state: "stopped" }, backAfterMs: null });
    expect(world.gathering.notBack).toMatchObject([
      { what: `${SCOPE} at the kill switch: writes were not accepted again within 2 s (answered 503)` },
    ]);
  });

  it("is a scope whose log can no longer be read: nobody can tell whose order is newest", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.onOrder = () => void world.killSwitch.faults.set("/log", 500);
    expect(await sampleOf(world)).toMatchObject({ log: { unread: "answered 500" }, backAfterMs: null });
    expect(world.killSwitch.stoppedAt(SCOPE)).not.toBeNull();
    expect(world.gathering.notBack[0]?.what).toContain("nobody can tell whose order is newest");
  });

  it("is back where a release succeeds at the second try", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.faults.set("/resume", 503);
    // The first is the one that the agent tries, the second is ours.
    world.killSwitch.onRequest = (path, count) => {
      if (path === "/resume" && count === 3) world.killSwitch.faults.clear();
    };
    await sampleOf(world);
    await expectBack(world);
  });

  it("is restarted where the switch terminates", async () => {
    const world = await startWorld({
      refused: "[{ gone: true }]",
      killSwitch: "restart: { url: RESTART, method: POST }",
    });
    let running = true;
    world.agent.write = () => {
      running &&= world.killSwitch.stoppedAt(SCOPE) === null;
      return running ? "accept" : "reset";
    };
    world.agent.read = () => "accept";
    world.agent.onRun = () => (running = true);
    const sample = await sampleOf(world);
    expect(sample).toMatchObject({ kind: "terminate", stop: { state: "stopped" } });
    await expectBack(world);
  });
});

describe("an interrupt", () => {
  it.each<[string, (written: Decision, pulled: boolean) => boolean, string[]]>([
    ["before the pull", (_, pulled) => !pulled, []],
    ["while writes are still accepted", (written, pulled) => pulled && written === "accept", ["stop", "resume"]],
    ["while it is stopped", (written, pulled) => pulled && written === "refuse", ["stop", "resume"]],
  ])("%s ends with all put back", async (_, isTime, orders) => {
    const world = await startWorld();
    obey(world, 1_000);
    const decide = world.agent.write;
    world.agent.write = (...given) => {
      const decision = decide(...given);
      if (isTime(decision, world.killSwitch.log.length > 0)) world.interrupt();
      return decision;
    };
    await expect(rehearseSwitch(world.gathering, SHORT)).rejects.toBeInstanceOf(Interrupted);
    await expectBack(world);
    expect(world.killSwitch.log.map(({ action }) => action)).toEqual(orders);
  });

  it("while the switch is being pulled waits for its answer", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.onOrder = ({ action }) => {
      if (action === "stop") world.interrupt();
    };
    await expect(rehearseSwitch(world.gathering, SHORT)).rejects.toBeInstanceOf(Interrupted);
    await expectBack(world);
  });
});
