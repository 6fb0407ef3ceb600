import { describe, expect, test } from "vitest";
import { fail, pass, skip, warn } from "../../src/audit/check.ts";
import { absent, failed, found, withheld } from "../../src/audit/fact.ts";
import { judgeCheck } from "../../src/audit/judge.ts";
import type { FallbackFacts } from "../../src/evidence/facts.ts";
import { checkOf, CONTEXT, evidence } from "./support.ts";

const template: FallbackFacts = { text: "Paused.", source: "fallback.md" };
const required = checkOf({ needs: { fallback: "required" } });
const optional = checkOf({ needs: { fallback: "optional" } });
const place = { file: "clawproof.yaml", line: 7, column: 3 };

describe("a required fact", () => {
  test("found reaches the judge as its value", () => {
    const check = checkOf({ needs: { fallback: "required" }, judge: ({ fallback }) => pass(fallback.text) });
    const judged = judgeCheck(check, { fallback: found(template, [evidence("inspected")], place) }, CONTEXT);
    expect(judged).toMatchObject({ judgement: pass("Paused."), location: place, notJudged: false });
  });

  test("absent gives the check's own words", () => {
    const judged = judgeCheck(required, { fallback: absent("no section", place) }, CONTEXT);
    expect(judged).toMatchObject({ judgement: fail("No canary configured"), location: place });
  });

  test("failed could not be checked, and keeps what was seen", () => {
    const seen = evidence("probed");
    const judged = judgeCheck(required, { fallback: failed("no answer in 2 s", place, [seen]) }, CONTEXT);
    expect(judged.judgement).toEqual({
      verdict: "fail",
      unknown: true,
      message: "Canary could not be checked — no answer in 2 s",
    });
    expect(judged.evidence).toEqual([seen]);
  });

  test("withheld is a skip that nobody judged", () => {
    const judged = judgeCheck(required, { fallback: withheld("--offline") }, CONTEXT);
    expect(judged).toMatchObject({ judgement: skip("Canary not judged — --offline"), notJudged: true });
  });

  test("never gathered is no pass", () => {
    expect(judgeCheck(required, {}, CONTEXT).judgement).toMatchObject({ verdict: "fail", unknown: true });
  });

  test("of several, absent says more than failed, failed more than withheld", () => {
    const check = checkOf({ needs: { breaker: "required", fallback: "required", canary: "required" } });
    const facts = { breaker: withheld("--offline"), fallback: failed("broken"), canary: absent("none") };
    expect(judgeCheck(check, facts, CONTEXT).judgement).toEqual(fail("No canary configured"));
    const { breaker, fallback } = facts;
    expect(judgeCheck(check, { breaker, fallback, canary: breaker }, CONTEXT).judgement.unknown).toBe(true);
  });
});

describe("an optional fact", () => {
  test("reaches the judge whole, whatever its state", () => {
    const check = checkOf({
      needs: { fallback: "optional" },
      judge: ({ fallback }) => (fallback.state === "failed" ? warn(fallback.why) : fail("?")),
    });
    expect(judgeCheck(check, { fallback: failed("broken") }, CONTEXT).judgement).toEqual(warn("broken"));
  });

  test("withheld reads as absent, and any verdict but a fail becomes a skip that nobody judged", () => {
    const states: string[] = [];
    const check = checkOf({
      needs: { fallback: "optional" },
      judge: ({ fallback }) => {
        states.push(fallback.state);
        return warn("not seen");
      },
    });
    const judged = judgeCheck(check, { fallback: withheld("--offline") }, CONTEXT);
    expect(states).toEqual(["absent"]);
    expect(judged).toMatchObject({ judgement: skip("Canary not judged — --offline"), notJudged: true });
    const failing = checkOf({ needs: { fallback: "optional" }, judge: () => fail("No canary configured") });
    expect(judgeCheck(failing, { fallback: withheld("--offline") }, CONTEXT)).toMatchObject({
      judgement: fail("No canary configured"),
      notJudged: false,
    });
  });

  test("withheld leaves a skip alone that is shown not to apply", () => {
    const check = checkOf({ needs: { fallback: "optional" }, judge: () => skip("does not apply") });
    expect(judgeCheck(check, { fallback: withheld("--offline") }, CONTEXT)).toMatchObject({
      judgement: skip("does not apply"),
      notJudged: false,
    });
  });
});

describe("the place of a finding", () => {
  const artefact = { file: "deploy/rollout.yaml", line: 12, column: 3 };
  const given = found(template, [evidence("inspected")], artefact);
  const both = { fallback: "required", rehearsal: "optional" } as const;

  test("is in the artefact that was judged", () => {
    for (const judgement of [fail("20%"), warn("20%")]) {
      const check = checkOf({ needs: { fallback: "required" }, judge: () => judgement });
      expect(judgeCheck(check, { fallback: given }, CONTEXT).location).toEqual(artefact);
    }
  });

  test("is the check's own section where a warn is about what was not seen", () => {
    const facts = { fallback: given, rehearsal: absent("no consent") };
    expect(judgeCheck(checkOf({ needs: both, judge: () => warn("not seen") }), facts, CONTEXT).location).toBeNull();
    expect(judgeCheck(checkOf({ needs: both, judge: () => fail("empty") }), facts, CONTEXT).location).toEqual(artefact);
  });
});

describe("a claim never passes", () => {
  test("a pass on declared evidence alone becomes a warn", () => {
    const judged = judgeCheck(required, { fallback: found(template, [evidence("declared")]) }, CONTEXT);
    const remedy = "name the file, address or command where it stands, instead of its text in clawproof.yaml";
    expect(judged.judgement).toEqual(warn("Canary configured — declared, nothing of it was seen", remedy));
  });

  test("so does a pass without any evidence, and one beside a fact that failed", () => {
    expect(judgeCheck(required, { fallback: found(template, []) }, CONTEXT).judgement.verdict).toBe("warn");
    const broken = failed("broken", undefined, [evidence("probed")]);
    expect(judgeCheck(optional, { fallback: broken }, CONTEXT).judgement.verdict).toBe("warn");
  });

  test.each(["inspected", "probed", "drilled"] as const)("one piece of %s evidence is enough", (level) => {
    const facts = { fallback: found(template, [evidence("declared"), evidence(level)]) };
    expect(judgeCheck(required, facts, CONTEXT).judgement.verdict).toBe("pass");
  });

  test("evidence of the judge's own counts", () => {
    const judge = () => ({ ...pass("seen in a drill"), evidence: [evidence("drilled")] });
    const judged = judgeCheck(checkOf({ needs: {}, judge }), {}, CONTEXT);
    expect(judged.judgement.verdict).toBe("pass");
    expect(judged.evidence).toEqual([evidence("drilled")]);
  });
});

test("a judge that throws costs its own row, without secrets", () => {
  const check = checkOf({
    needs: {},
    judge: () => {
      throw new Error("hunter22\nwas read");
    },
  });
  const redact = (text: string) => text.replace("hunter22", "${TOKEN}");
  expect(judgeCheck(check, {}, CONTEXT, redact).judgement).toEqual({
    verdict: "fail",
    unknown: true,
    message: "Canary could not be checked — its judge failed: ${TOKEN} was read",
  });
});
