import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/kill-switch-endpoint.ts";
import { absent } from "../../src/audit/fact.ts";
import type { Fact } from "../../src/audit/fact.ts";
import type { DrillStanding } from "../../src/drill/standing.ts";
import type { KillSwitchFacts, RehearsalFacts } from "../../src/evidence/facts.ts";
import {
  broken,
  contextOf,
  factOf,
  goodDrill,
  goodDrills,
  goodKillSwitch,
  goodRehearsal,
  goodSample,
  notThere,
  said,
} from "../support/facts.ts";

const PASS = "[PASS] Kill switch endpoint active (independent service)";
const NOT_SHOWN = "[WARN] Kill switch endpoint active, independence not shown — ";
const DEPENDENT = "[FAIL] Kill switch not independent — ";

function judge(
  killSwitch: Partial<KillSwitchFacts> = {},
  rehearsal: Fact<RehearsalFacts> = factOf(goodRehearsal()),
  drills: Fact<DrillStanding> = notThere(),
) {
  return check.judge({ killSwitch: goodKillSwitch(killSwitch), rehearsal, drills }, contextOf());
}
const judged = (...given: Parameters<typeof judge>) => said(judge(...given));

const tried = (releaseAsAgent: ReturnType<typeof goodSample>["releaseAsAgent"]) =>
  factOf(goodRehearsal(goodSample({ releaseAsAgent })));
const frozen = (switchAnswered: boolean | null, daysAgo = 12) =>
  goodDrill(daysAgo, { faults: [{ fault: "agent-frozen", held: true, switchAnswered }] });

describe("05.1 kill-switch-endpoint", () => {
  it("Kill switch endpoint active (independent service)", () => expect(judged()).toBe(PASS));

  it("No kill switch configured", () => {
    expect(said(check.absent({ state: "absent", why: "" }))).toBe("[FAIL] No kill switch configured");
  });

  it("Kill switch endpoint unreachable — WHY", () => {
    const status = { answered: false as const, why: "connection refused", source: "GET …" };
    expect(judged({ status })).toBe("[FAIL] Kill switch endpoint unreachable — connection refused");
    expect(judged({ status, deployTool: "kubectl" })).toBe(
      "[FAIL] Kill switch endpoint unreachable — connection refused",
    );
  });

  it("Kill switch endpoint could not be checked — WHY, unless it is known not to be independent", () => {
    const status = { answered: null, why: "SWITCH_TOKEN is not set", source: "GET …" };
    expect(judged({ status })).toBe(
      "[FAIL] (unknown) Kill switch endpoint could not be checked — SWITCH_TOKEN is not set",
    );
    expect(judged({ status, deployTool: "helm" })).toBe(`${DEPENDENT}activation runs helm`);
    const mute = { answered: true as const, stopped: null, source: "GET …" };
    expect(judged({ status: mute })).toMatch(/could not be checked — its status does not say/);
    expect(judged({ status: { ...mute, stopped: true } })).toBe(PASS);
  });

  it("Kill switch not independent — WHY: each condition, and several in the contract's order", () => {
    const commonOrigins = ["http://127.0.0.1:4100"];
    const hosts = { common: ["127.0.0.1"], unresolved: null };
    expect(judged({ commonOrigins })).toBe(`${DEPENDENT}same origin as the agent (http://127.0.0.1:4100)`);
    expect(judged({ sharedCredentials: ["AGENT_TOKEN"] })).toBe(`${DEPENDENT}shares AGENT_TOKEN with the agent`);
    expect(judged({ sharedCredentials: ["A", "B", "C"] })).toBe(`${DEPENDENT}shares A, B and C with the agent`);
    expect(judged({ deployTool: "kubectl" })).toBe(`${DEPENDENT}activation runs kubectl`);
    expect(judged({ hosts })).toBe(`${DEPENDENT}same host as the agent (127.0.0.1)`);
    expect(judged({ hosts, deployTool: "kubectl", sharedCredentials: ["AGENT_TOKEN"], commonOrigins })).toBe(
      `${DEPENDENT}same origin as the agent (http://127.0.0.1:4100); shares AGENT_TOKEN with the agent; activation runs kubectl; same host as the agent (127.0.0.1)`,
    );
  });

  it("Kill switch not independent — the agent's own credential may release it", () => {
    const released = {
      refused: false,
      accepted: true,
      stillStopped: false,
      controlAccepted: true,
      why: "answered 200",
    };
    const fail = `${DEPENDENT}the agent's own credential may release it`;
    expect(judged({}, tried(released))).toBe(fail);
    expect(judged({}, tried({ ...released, refused: true, accepted: false }))).toBe(fail);
    // A switch that publishes late still says "stopped" for a while.
    expect(judged({}, tried({ ...released, stillStopped: true }))).toBe(fail);
    expect(judged({}, tried(released), factOf(goodDrills(frozen(true))))).toBe(fail);
  });

  it("bench: true lets one host do", () => {
    const hosts = { common: ["127.0.0.1"], unresolved: "stop.example.net" };
    expect(judged({ hosts, bench: true, hostsKnown: false })).toBe(PASS);
  });

  it("Kill switch endpoint active, independence not shown — WHY", () => {
    expect(judged({ credentialsUnlisted: "agent.credentials is empty" })).toBe(
      `${NOT_SHOWN}agent.credentials is empty`,
    );
    expect(judged({ hosts: { common: [], unresolved: "stop.example.net" } })).toBe(
      `${NOT_SHOWN}hosts not compared: stop.example.net`,
    );
    expect(judged({ hostsKnown: false })).toBe(`${NOT_SHOWN}hosts not compared: the agent or the switch names none`);
    expect(judged({ credentialsUnlisted: "agent.credentials is empty", hostsKnown: false })).toBe(
      `${NOT_SHOWN}agent.credentials is empty; hosts not compared: the agent or the switch names none`,
    );
  });

  it("independence not shown where no release was tried as the agent, was not refused, or proves nothing", () => {
    const refused = { refused: true, accepted: false, stillStopped: true, controlAccepted: true, why: "answered 403" };
    expect(judged({}, tried(null))).toBe(`${NOT_SHOWN}no release was tried with the agent's credential`);
    expect(judged({}, absent("no consent"))).toBe(
      `${NOT_SHOWN}no release was tried with the agent's credential (no consent)`,
    );
    expect(judged({}, broken("the agent refuses everything"))).toMatch(/independence not shown — .*refuses everything/);
    expect(judged({}, tried({ ...refused, refused: false, why: "answered 500" }))).toBe(
      `${NOT_SHOWN}the agent's credential was not refused a release (answered 500)`,
    );
    expect(judged({}, tried({ ...refused, controlAccepted: false }))).toMatch(/independence not shown — nothing shows/);
    const twice = factOf(goodRehearsal(goodSample(), goodSample({ releaseAsAgent: null })));
    expect(judged({}, twice)).toMatch(/independence not shown/);
  });

  it("a fresh, verifiable drill with a frozen agent shows it too, 35 days long", () => {
    const by = (...drills: ReturnType<typeof goodDrill>[]) =>
      judged({}, notThere("no consent"), factOf(goodDrills(...drills)));
    expect(by(frozen(true))).toBe(PASS);
    expect(by(frozen(true, 35))).toBe(PASS);
    expect(by(frozen(true, 35.001))).toMatch(/not shown/);
    expect(by(frozen(null))).toMatch(/not shown/);
    expect(by({ ...frozen(true), verifiable: { why: "unsigned" } })).toMatch(/not shown/);
    expect(by(frozen(true), goodDrill(1))).toBe(PASS);
    expect(by(frozen(false, 1), frozen(true))).toBe(`${DEPENDENT}it did not answer a drill while the agent was frozen`);
    const { evidence } = judge({}, notThere(), factOf(goodDrills(frozen(true))));
    expect(evidence).toContainEqual(
      expect.objectContaining({
        level: "drilled",
        fact: expect.stringMatching(/^the switch answered while the agent was frozen \(drill /),
      }),
    );
    const cut = { ...goodDrills(frozen(true)), brokenAt: { lineNumber: 1, why: "hash" } };
    expect(judged({}, notThere(), factOf(cut))).toMatch(/not shown/);
  });

  it("names every condition and the kind of stop in the evidence", () => {
    const facts = (judge().evidence ?? []).map(({ fact }) => fact);
    expect(facts).toEqual([
      "status answered: running",
      "another origin than the agent's",
      "no credential in common with the agent",
      "activation is a call, not a deploy",
      "another host than the agent's",
      "the agent's own credential was refused a release, and is otherwise accepted",
      "kind of stop: deny",
    ]);
    const declared = judge({ kind: "terminate", bench: true }, notThere()).evidence?.map(({ fact }) => fact);
    expect(declared).toContain("kind of stop: terminate");
    expect(declared?.join()).toContain("bench: true");
  });
});
