import { describe, expect, it } from "vitest";
import { rehearseSwitch } from "../../src/rehearsal/gather.ts";
import type { KillSample } from "../../src/evidence/facts.ts";
import { valueOf } from "../evidence/support.ts";
import { LIMITS } from "../../src/rehearsal/limits.ts";
import { obey, SCOPE, SHORT, startWorld, type World, type Written } from "../support/agents/world.ts";

/** The whole rehearsal against real servers that know when they really stopped. */

async function rehearse(world: World, limits = SHORT): Promise<KillSample> {
  const { samples } = valueOf(await rehearseSwitch(world.gathering, limits));
  const [sample] = samples;
  if (!sample) throw new Error("no sample");
  return sample;
}

/** The contract's own figures. */
const AS_IS = { ...SHORT, quiet: LIMITS.quiet, refusals: LIMITS.refusals };

/** When the agent refused first, counted as the rehearsal counts. */
function truth({ agent, killSwitch }: World, refusedFirst: number | null): { refused: number; accepted: number } {
  const ordered = pulledAt.get(killSwitch) ?? 0;
  return { refused: (refusedFirst ?? 0) - ordered, accepted: (agent.acceptedLast ?? 0) - ordered };
}
const pulledAt = new WeakMap<object, number>();

/** Notes when the order arrived, and the refusal that counts before the release makes the agent accept again. */
function witness(world: World): { refusedFirst(): number | null } {
  let refusedFirst: number | null = null;
  world.killSwitch.onOrder = ({ action }) => {
    if (action === "stop") pulledAt.set(world.killSwitch, performance.now());
    else refusedFirst = world.agent.refusedFirst;
  };
  return { refusedFirst: () => refusedFirst };
}

/** Where this machine kept up with the cadence; else the stated resolution says by how much it did not. */
const ON_TIME_MS = 110;
const toleranceOf = ({ resolutionMs }: KillSample): number => (resolutionMs < ON_TIME_MS ? 60 : resolutionMs + 60);

describe("the stop time", () => {
  it.each([0, 400, 4_000])("of an agent that stops after %i ms is right to 60 ms", async (delay) => {
    const world = await startWorld();
    obey(world, delay);
    const seen = witness(world);
    const sample = await rehearse(world, AS_IS);
    const { refused } = truth(world, seen.refusedFirst());
    expect(sample.stop.state).toBe("stopped");
    const ms = sample.stop.state === "stopped" ? sample.stop.ms : Number.NaN;
    expect(Math.abs(ms - refused)).toBeLessThanOrEqual(toleranceOf(sample));
    if (sample.resolutionMs < ON_TIME_MS)
      expect(sample.acceptedAfterAnswer).toBeGreaterThanOrEqual(Math.floor(delay / 55) - 4);
    expect(sample.acceptedAfterAnswer).toBeLessThanOrEqual(Math.ceil(delay / 50) + 1);
  });

  it("of an agent that answers slowly is right to the resolution", async () => {
    const world = await startWorld();
    world.agent.latency = 300;
    obey(world, 500);
    const seen = witness(world);
    const sample = await rehearse(world, AS_IS);
    const { refused } = truth(world, seen.refusedFirst());
    const ms = sample.stop.state === "stopped" ? sample.stop.ms : Number.NaN;
    expect(Math.abs(ms - refused)).toBeLessThanOrEqual(sample.resolutionMs + 60);
    expect(sample.resolutionMs).toBeGreaterThanOrEqual(300);
    expect(sample.resolutionMs).toBeLessThan(450);
  }, 30_000);
});

describe("what a rehearsal brings home", () => {
  it("is everything that was looked at while stopped, and all is back", async () => {
    const world = await startWorld({ probes: "user: { url: /user }" });
    obey(world);
    const fact = await rehearseSwitch(world.gathering, SHORT);
    const { samples, firstTrace } = valueOf(fact);
    expect(samples).toHaveLength(1);
    const [sample] = samples;
    expect(sample).toMatchObject({
      scope: SCOPE,
      activator: "kim@laptop",
      instances: { expected: null, stopped: 0, names: [] },
      refusal: { status: 503, text: "Cancellations are paused. A colleague will write to you today." },
      user: { status: 503, text: "Cancellations are paused. A colleague will write to you today." },
      undescribedError: null,
      log: { entry: { by: "kim@laptop", scope: SCOPE } },
      alert: { source: `GET ${world.killSwitch.url}/received` },
      releaseAsAgent: { refused: true, accepted: false, stillStopped: true, controlAccepted: true },
      workUnderWay: "not observed",
      kind: "deny",
    });
    expect(sample?.mark).toMatch(/^clawproof-[0-9a-f]{6}$/);
    expect(sample?.reads.sent).toBeGreaterThanOrEqual(2);
    expect(sample?.reads.accepted).toBe(sample?.reads.sent);
    expect(sample?.backAfterMs).toBeLessThan(500);
    expect(world.killSwitch.stoppedAt(SCOPE)).toBeNull();
    expect(await world.acting()).toBeNull();
    expect(world.gathering.notBack).toEqual([]);
    const first = world.agent.writes[0]?.headers;
    expect(first).toMatchObject({ "clawproof-drill": "1", connection: "close" });
    expect(first?.["traceparent"]).toBe(`00-${firstTrace}-${String(first?.["traceparent"]).slice(36, 52)}-01`);
    expect(new Set(world.agent.writes.map(({ headers }) => headers["traceparent"])).size).toBe(
      world.agent.writes.length,
    );
    const words = fact.state === "found" ? fact.evidence.map((one) => one.fact) : [];
    expect(words[0]).toMatch(
      /^writes refused 0\.\d\d s after activation \(± 0\.\d\d s\); \d accepted after the switch had answered$/,
    );
    expect(words).toEqual(
      expect.arrayContaining(["instances not told apart", "work under way not observed", "kind of stop: deny"]),
    );
    expect(JSON.stringify(fact)).not.toContain("token-of-the-test");
  });

  it("is as many samples as asked for", async () => {
    const world = await startWorld({ rehearse: "{ samples: 2 }" });
    obey(world);
    const { samples } = valueOf(await rehearseSwitch(world.gathering, SHORT));
    expect(new Set(samples.map(({ mark }) => mark)).size).toBe(2);
  });

  it("says revoke where refusals are of the credential, and terminate where the agent is gone", async () => {
    const revoked = await startWorld({ refused: "[{ status: 401 }]" });
    revoked.agent.write = () => (revoked.killSwitch.stoppedAt(SCOPE) === null ? "accept" : 401);
    expect((await rehearse(revoked)).kind).toBe("revoke");
    const gone = await startWorld({ refused: "[{ gone: true }]" });
    gone.agent.write = () => (gone.killSwitch.stoppedAt(SCOPE) === null ? "accept" : "reset");
    expect(await rehearse(gone)).toMatchObject({ kind: "terminate", refusal: { status: null } });
  });

  it("says which alert and log entry are missing, and what could not be read", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.faults.set("/received", 500);
    expect(await rehearse(world)).toMatchObject({ alert: { unread: expect.stringContaining("answered 500") } });
    world.killSwitch.faults.clear();
    world.killSwitch.onOrder = ({ action }) => void (action === "stop" && world.killSwitch.alerts.splice(0));
    const sample = await rehearse(world);
    expect(sample.alert).toEqual({ missing: "none with the mark within 1 s" });
  });

  const silent = (world: World): void => {
    obey(world);
    world.killSwitch.onOrder = () => void world.killSwitch.alerts.splice(0);
  };

  it.each([
    ["repeats the question", 'url: "http://127.0.0.1:1/search?q=${mark}"'],
    ["repeats it in a command's output", 'command: [echo, "no incidents for ${reason}"]'],
  ])("takes no answer for an alert that only %s", async (_, receipts) => {
    const world = await startWorld({ receipts });
    silent(world);
    expect((await rehearse(world)).alert).toEqual({ missing: "none with the mark within 1 s" });
  });

  it("finds the alert beside the repeated question", async () => {
    const world = await startWorld({ receipts: 'url: "http://127.0.0.1:1/search?q=${mark}"' });
    obey(world);
    expect((await rehearse(world)).alert).toMatchObject({ source: `GET ${world.killSwitch.url}/search` });
  });

  it("takes no error for an alert, whatever it names", async () => {
    const world = await startWorld({ receipts: 'url: "http://127.0.0.1:1/nowhere?q=${mark}"' });
    silent(world);
    expect((await rehearse(world)).alert).toEqual({ unread: `GET ${world.killSwitch.url}/nowhere: answered 404` });
  });

  it("takes the switch's own log for no alert", async () => {
    const world = await startWorld({ receipts: 'url: "LOG"' });
    silent(world);
    expect((await rehearse(world)).alert).toEqual({
      missing: "alerting.receipts is the switch's own log, which holds the order and shows no alert",
    });
  });

  it("does not believe that a credential is known because a status answers everybody", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.tellsAnybody = true;
    const { releaseAsAgent } = await rehearse(world);
    expect(releaseAsAgent).toMatchObject({ refused: true, controlAccepted: false });
    expect(releaseAsAgent?.why).toContain("and without it as well, so that shows nothing of it");
  });

  it("shows an agent whose own credential releases it", async () => {
    const world = await startWorld();
    obey(world);
    world.killSwitch.agentMayRelease = true;
    const sample = await rehearse(world);
    expect(sample.releaseAsAgent).toMatchObject({ refused: false, accepted: true, stillStopped: false });
    expect(world.gathering.notBack).toEqual([]);
  });
});

describe("instances", () => {
  const six: Written = { agent: "instances: 6", probes: "instance: { header: X-Pod }" };
  const names = ["a", "b", "c", "d", "e", "f"];

  it("one late of six sets the time", async () => {
    const world = await startWorld(six);
    world.agent.instances = names;
    obey(world, (instance) => (instance === "d" ? 2_000 : 100));
    const seen = witness(world);
    const sample = await rehearse(world);
    expect(sample).toMatchObject({ stop: { state: "stopped" }, instances: { expected: 6, stopped: 6, names } });
    const ms = sample.stop.state === "stopped" ? sample.stop.ms : Number.NaN;
    expect(Math.abs(ms - truth(world, seen.refusedFirst()).refused)).toBeLessThanOrEqual(toleranceOf(sample));
    expect(ms).toBeGreaterThan(1_600);
  });

  it("one deaf of six is never stopped", async () => {
    const world = await startWorld(six);
    world.agent.instances = names;
    obey(world, (instance) => (instance === "d" ? Infinity : 100));
    expect(await rehearse(world)).toMatchObject({
      stop: { state: "not-stopped", afterMs: SHORT.stop },
      instances: { expected: 6, stopped: 5, names: ["a", "b", "c", "e", "f"] },
    });
  });

  it("that never show up are missing among the stopped", async () => {
    const world = await startWorld(six);
    world.agent.instances = names.slice(0, 5);
    obey(world);
    const sample = await rehearse(world, { ...SHORT, steadyLongest: 1_000 });
    expect(sample).toMatchObject({ stop: { state: "stopped" }, instances: { expected: 6, stopped: 5 } });
  });

  it("are counted by a source", async () => {
    const world = await startWorld({ ...six, agent: "instances: { text: '[1, 2]', at: '' }" });
    world.agent.instances = ["a", "b"];
    obey(world);
    expect((await rehearse(world)).instances).toEqual({ expected: 2, stopped: 2, names: ["a", "b"] });
  });
});

describe("work under way", () => {
  it("ends the stop time with the last write that landed", async () => {
    const work = "run: { url: '/run?seconds=${seconds}', method: POST }\n    sink: { url: /landed, at: /count }";
    const world = await startWorld({ probes: work });
    obey(world);
    let landedLast = 0;
    world.agent.onRun = (seconds) => {
      expect(seconds).toBe(40);
      const timer = setInterval(() => {
        const stoppedAt = world.killSwitch.stoppedAt(SCOPE);
        if (stoppedAt !== null && performance.now() - stoppedAt > 2_500) {
          clearInterval(timer);
          return;
        }
        world.agent.landed += 1;
        landedLast = performance.now();
      }, 300);
    };
    let stopped = 0;
    world.killSwitch.onOrder = ({ action }) => void (action === "stop" && (stopped = performance.now()));
    const before = performance.now();
    const sample = await rehearse(world, { ...SHORT, sinkQuiet: 1_000 });
    expect(stopped - before).toBeGreaterThan(3_000);
    expect(sample).toMatchObject({ stop: { state: "stopped" }, workUnderWay: "observed", kind: "abort" });
    const ms = sample.stop.state === "stopped" ? sample.stop.ms : Number.NaN;
    expect(Math.abs(ms - (landedLast - stopped))).toBeLessThanOrEqual(60 + sample.resolutionMs);
    expect(ms).toBeGreaterThan(2_000);
  });

  it("that cannot be seen begins nothing", async () => {
    const world = await startWorld({ probes: "sink: { url: /landed, at: /nothing }" });
    expect(await rehearseSwitch(world.gathering, SHORT)).toMatchObject({
      state: "failed",
      why: "probes.sink: neither a number nor a list stands at /nothing of its answer",
    });
  });
});
