import { describe, expect, it } from "vitest";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { rehearseBreaker } from "../../src/rehearsal/gather.ts";
import { valueOf } from "../evidence/support.ts";
import type { Decision } from "../support/agents/agent.ts";
import { SHORT, startWorld, type World } from "../support/agents/world.ts";

const LIMITS = { ...SHORT, open: 2_000, opened: 1_000 };

/** Writes wait while the breaker is open. */
function protect({ agent }: World, whenOpen: () => Decision = () => "refuse"): void {
  agent.write = () => (agent.breaker === "open" ? whenOpen() : "accept");
}

async function expectClosed(world: World): Promise<void> {
  expect(world.agent.breaker).toBe("closed");
  expect(await world.acting()).toBeNull();
  expect(world.gathering.notBack).toEqual([]);
}

async function whyNot(world: World): Promise<string> {
  const fact = await rehearseBreaker(world.gathering, LIMITS);
  expect(fact.state).toBe("failed");
  return fact.state === "found" ? "" : fact.why;
}

describe("the breaker", () => {
  it("holds writes and lets reads go on", async () => {
    const world = await startWorld();
    protect(world);
    const fact = await rehearseBreaker(world.gathering, LIMITS);
    const facts = valueOf(fact);
    expect(facts).toMatchObject({ writesRefused: true, writesAccepted: 0, reads: { firstFailure: null } });
    expect(facts.reads.sent).toBeGreaterThanOrEqual(3);
    expect(facts.reads.accepted).toBe(facts.reads.sent);
    expect(facts.backAfterMs).toBeLessThan(500);
    expect(fact.state === "found" && fact.evidence.map((one) => one.fact)).toEqual([
      "writes refused within 10 s of opening, none accepted in the 2 s after",
      expect.stringMatching(/^(\d) of \1 probe reads answered while it was open$/),
      expect.stringMatching(/^writes accepted again 0\.\d\d s after closing$/),
    ]);
    await expectClosed(world);
  });

  it("may open on one instance after the other", async () => {
    const world = await startWorld();
    let openWrites = 0;
    protect(world, () => (openWrites++ % 3 === 1 && openWrites < 20 ? "accept" : "refuse"));
    expect(valueOf(await rehearseBreaker(world.gathering, LIMITS))).toMatchObject({
      writesRefused: true,
      writesAccepted: 0,
    });
  });

  it("that holds nothing", async () => {
    const world = await startWorld();
    expect(valueOf(await rehearseBreaker(world.gathering, LIMITS))).toMatchObject({ writesRefused: false });
    await expectClosed(world);
  });

  it("that holds only some", async () => {
    const world = await startWorld();
    let openWrites = 0;
    protect(world, () => (openWrites++ % 7 === 6 ? "accept" : "refuse"));
    const facts = valueOf(await rehearseBreaker(world.gathering, LIMITS));
    expect(facts.writesRefused).toBe(false);
    expect(facts.writesAccepted).toBeGreaterThan(0);
  });

  it("that holds reads too", async () => {
    const world = await startWorld();
    protect(world);
    world.agent.read = () => (world.agent.breaker === "open" ? "refuse" : "accept");
    const { reads } = valueOf(await rehearseBreaker(world.gathering, LIMITS));
    expect(reads).toMatchObject({ accepted: 0, firstFailure: "answered 503" });
  });
});

describe("what cannot be told", () => {
  it("reads that fail before", async () => {
    const world = await startWorld();
    protect(world);
    world.agent.read = () => 404;
    expect(await whyNot(world)).toMatch(/probe reads were not accepted before the breaker was opened \(answered 404\)/);
    await expectClosed(world);
  });

  it("writes that are refused before", async () => {
    const world = await startWorld();
    world.agent.write = () => "refuse";
    expect(await whyNot(world)).toBe(
      "the agent did not accept every probe write before the breaker was opened (answered 503)",
    );
  });

  it("writes that answer something else", async () => {
    const world = await startWorld();
    protect(world, () => 500);
    expect(await whyNot(world)).toBe("with the breaker open a probe write was answered 500");
    await expectClosed(world);
  });
});

describe("whatever happens", () => {
  it("it is closed after an interrupt", async () => {
    const world = await startWorld();
    protect(world, () => {
      world.interrupt();
      return "refuse";
    });
    await expect(rehearseBreaker(world.gathering, LIMITS)).rejects.toBeInstanceOf(Interrupted);
    await expectClosed(world);
  });

  it("a breaker that does not close is said, with the line that closes it", async () => {
    const world = await startWorld();
    let wasOpen = false;
    world.agent.write = () => {
      wasOpen ||= world.agent.breaker === "open";
      return wasOpen ? "refuse" : "accept";
    };
    expect(valueOf(await rehearseBreaker(world.gathering, LIMITS)).backAfterMs).toBeNull();
    expect(world.gathering.notBack).toEqual([
      {
        what: "the circuit breaker: writes were not accepted again within 2 s (answered 503)",
        command: `curl -fsS -X POST '${world.agent.url}/breaker?state=closed'`,
      },
    ]);
    expect(await world.acting()).toContain('"what": "breaker"');
  });

  it("nothing is opened that could not be closed", async () => {
    const world = await startWorld({ close: "/breaker?until=${until}" });
    expect(await whyNot(world)).toBe("breaker.rehearse.close cannot be made: `${until}` has no value here");
    expect(world.agent.writes).toEqual([]);
    expect(await world.acting()).toBeNull();
  });

  it("nothing is opened while the switch is not back", async () => {
    const world = await startWorld();
    world.gathering.notBack.push({ what: "the kill switch on drill/support", command: "" });
    expect(await whyNot(world)).toBe("the kill switch on drill/support; nothing else is touched");
    expect(world.agent.writes).toEqual([]);
  });
});
