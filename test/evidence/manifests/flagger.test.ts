import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asBlueGreen, asCanary, asUnknown, figures, flagger, readObjects } from "./rollouts.ts";

const METRICS = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }];
const BASE = { interval: "1m", threshold: 5, metrics: METRICS };

const read = (analysis: object | null, spec: object = {}) => readObjects(flagger({ analysis, ...spec }));
const hook = (type?: string) => ({
  name: "hook",
  url: "http://hooks.example/",
  ...(type === undefined ? {} : { type }),
});

describe("weights", () => {
  test.each([
    ["the step is the first weight", { stepWeight: 5, maxWeight: 50 }, "5 → 5, 5 before analysis"],
    ["which a smaller maximum does not hold back", { stepWeight: 30, maxWeight: 5 }, "30 → 30, 30 before analysis"],
    ["without a maximum", { stepWeight: 10 }, "10 → 10, 10 before analysis"],
    ["nothing above everybody", { stepWeight: 150 }, "100 → 100, 100 before analysis"],
    ["the first of a list", { stepWeights: [1, 2, 10, 80] }, "1 → 1, 1 before analysis"],
    ["not the least of it", { stepWeights: [20, 5] }, "20 → 20, 20 before analysis"],
    ["a list above everybody", { stepWeights: [120] }, "100 → 100, 100 before analysis"],
    ["step and list: the step counts", { stepWeight: 20, stepWeights: [1, 50] }, "20 → 20, 20 before analysis"],
    ["a step of 0 and a list: the list counts", { stepWeight: 0, stepWeights: [1, 50] }, "1 → 1, 1 before analysis"],
    ["a list that ends at 0 is promoted before any traffic", { stepWeights: [10, 0] }, "10 → 100, 100 before none"],
    ["everybody at once", { stepWeight: 100 }, "100 → 100, 100 before analysis"],
    [
      "null is not given",
      { stepWeight: 5, stepWeights: null, iterations: null, match: null },
      "5 → 5, 5 before analysis",
    ],
    [
      "match without iterations is still weights",
      { stepWeight: 5, match: [{ headers: {} }] },
      "5 → 5, 5 before analysis",
    ],
  ])("%s", (_, weights, expected) => {
    expect(figures(read({ ...BASE, ...weights }))).toBe(expected);
  });

  test.each([
    ["nothing that advances", {}],
    ["a step of 0", { stepWeight: 0, maxWeight: 50 }],
    ["a step below 0", { stepWeight: -5 }],
    ["a list that begins with 0", { stepWeights: [0, 10] }],
    ["an empty list", { stepWeights: [] }],
    ["no iterations", { iterations: 0 }],
  ])("never advances: %s", (_, weights) => {
    expect(asUnknown(read({ ...BASE, ...weights })).why).toContain("the canary never advances");
  });

  test("the deprecated name counts where the new one is missing", () => {
    expect(figures(readObjects(flagger({ canaryAnalysis: { ...BASE, stepWeight: 5 } })))).toBe(
      "5 → 5, 5 before analysis",
    );
    const both = { analysis: { ...BASE, stepWeight: 10 }, canaryAnalysis: { ...BASE, stepWeight: 5 } };
    expect(figures(readObjects(flagger(both)))).toBe("10 → 10, 10 before analysis");
  });

  test("the first share is never above everybody, and is held", () => {
    const weight = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(weight, fc.array(weight, { maxLength: 4 }), fc.nat(300), (stepWeight, stepWeights, maxWeight) => {
        const reading = asCanary(read({ ...BASE, stepWeight, stepWeights, maxWeight }));
        expect(reading.declaredPct).toBe(Math.min(stepWeight, 100));
        expect(reading.effectivePct).toBe(reading.declaredPct);
        expect(reading.beforeFirstGatePct).toBe(reading.declaredPct);
        expect(reading.gate).toBe("analysis");
      }),
    );
  });
});

describe("gate of a canary", () => {
  test.each([
    ["metrics", { metrics: METRICS }, "analysis"],
    ["a rollout webhook", { webhooks: [hook("rollout")] }, "analysis"],
    ["a webhook without a type", { webhooks: [hook()] }, "analysis"],
    ["a webhook of type nothing", { webhooks: [hook("")] }, "analysis"],
    ["a webhook that confirms each increase", { webhooks: [hook("confirm-traffic-increase")] }, "person"],
    ["that and metrics", { metrics: METRICS, webhooks: [hook("confirm-traffic-increase")] }, "analysis"],
    [
      "webhooks at other moments",
      {
        webhooks: ["confirm-rollout", "pre-rollout", "post-rollout", "event", "rollback", "confirm-promotion"].map(
          hook,
        ),
      },
      "timed",
    ],
    ["nothing but the interval", { metrics: [], webhooks: [] }, "timed"],
  ])("%s", (_, checks, gate) => {
    expect(asCanary(read({ interval: "1m", threshold: 5, stepWeight: 5, ...checks }))).toMatchObject({
      gate,
      beforeFirstGatePct: 5,
    });
  });
});

describe("without analysis", () => {
  test.each([
    ["none given", readObjects(flagger({ targetRef: {} })), "100 → 100, 100 before none"],
    ["null", read(null), "100 → 100, 100 before none"],
    [
      "skipped, whatever the weights say",
      read({ ...BASE, stepWeight: 5 }, { skipAnalysis: true }),
      "5 → 100, 100 before none",
    ],
    [
      "skipped, with iterations",
      read({ ...BASE, iterations: 10 }, { skipAnalysis: true }),
      "100 → 100, 100 before none",
    ],
    ["not skipped", read({ ...BASE, stepWeight: 5 }, { skipAnalysis: false }), "5 → 5, 5 before analysis"],
  ])("%s", (_, reading, expected) => {
    expect(figures(reading)).toBe(expected);
  });
});

describe("iterations", () => {
  test.each([
    ["metrics", {}, {}, "analysis"],
    ["a webhook that confirms the promotion", { metrics: [], webhooks: [hook("confirm-promotion")] }, {}, "person"],
    ["nothing but time", { metrics: [] }, {}, "timed"],
    ["provider kubernetes", {}, { provider: "kubernetes" }, "analysis"],
    ["weights beside them", { stepWeight: 5 }, {}, "analysis"],
  ])("are blue-green: %s", (_, analysis, spec, gate) => {
    expect(asBlueGreen(read({ ...BASE, iterations: 10, ...analysis }, spec))).toMatchObject({
      tool: "Flagger",
      resource: "Canary/web",
      line: 2,
      gate,
    });
  });

  test("with match are A/B testing, of which no share can be read", () => {
    const why = asUnknown(
      read({ ...BASE, iterations: 10, match: [{ headers: { "x-canary": { exact: "yes" } } }] }),
    ).why;
    expect(why).toContain("A/B testing sends everybody who matches to the new version");
  });

  test("without a router Flagger ignores weights and matches", () => {
    const weights = asBlueGreen(read({ ...BASE, stepWeight: 5 }, { provider: "kubernetes" }));
    expect(weights.notes).toContain("weights are ignored: 10 checks, then everybody");
    expect(weights.notes).toContain("0% during 10 checks 1m apart, then everybody");
    const match = read({ ...BASE, iterations: 3, match: [{ headers: {} }] }, { provider: "kubernetes" });
    expect(asBlueGreen(match).notes).toContain("0% during 3 checks 1m apart, then everybody");
  });
});

describe("notes", () => {
  const notes = (analysis: object, spec = {}) => asCanary(read({ ...BASE, ...analysis }, spec)).notes;

  test.each([
    [
      "runs 20%, 40%, 60%, then everybody: the maximum of 50% does not hold it",
      notes({ stepWeight: 20, maxWeight: 50 }),
    ],
    ["runs 30%, then everybody: the maximum of 5% does not hold it", notes({ stepWeight: 30, maxWeight: 5 })],
    [
      "runs 30%, 60%, then everybody: the maximum of 50% does not hold it",
      notes({ stepWeight: 30, stepWeights: [10, 50] }),
    ],
    ["held by an analysis every 1m", notes({ stepWeight: 5 })],
    [
      "no metric and no webhook: held by the interval of 60s alone",
      notes({ stepWeight: 5, metrics: [], interval: null }),
    ],
    ["mirror sends requests to both versions: writes happen twice", notes({ stepWeight: 5, mirror: true })],
    [
      "session affinity keeps users on the new version: their share grows while a weight is held",
      notes({ stepWeight: 5, sessionAffinity: { cookieName: "c" } }),
    ],
    ["match without iterations: the weights share out only requests that match", notes({ stepWeight: 5, match: [{}] })],
    ["suspended: Flagger starts no canary until a person resumes it", notes({ stepWeight: 5 }, { suspend: true })],
  ])("%s", (note, all) => {
    expect(all).toContain(note);
  });

  test.each([
    ["a maximum that is met", { stepWeight: 10, maxWeight: 50 }],
    ["a maximum above everybody", { stepWeight: 30, maxWeight: 300 }],
    ["a list", { stepWeights: [5, 50] }],
    ["both cookies", { stepWeight: 5, sessionAffinity: { cookieName: "c", primaryCookieName: "p" } }],
  ])("nothing about %s", (_, analysis) => {
    expect(notes(analysis)).toEqual(["held by an analysis every 1m"]);
  });
});

test.each([
  ["a step in quotes", { stepWeight: "5" }, 'spec.analysis.stepWeight is "5", not a whole number'],
  [
    "a step filled in elsewhere",
    { stepWeight: "${STEP}" },
    "spec.analysis.stepWeight is ${STEP}, which is filled in elsewhere",
  ],
  ["half a percent", { stepWeight: 0.5 }, "not a whole number"],
  ["a list of text", { stepWeights: ["5", "10"] }, "spec.analysis.stepWeights are not whole numbers"],
  ["a list that is none", { stepWeights: 5 }, "stepWeights is 5, not a list"],
  ["metrics that are no list", { stepWeight: 5, metrics: "{{ .Values.metrics }}" }, "filled in elsewhere"],
  ["iterations as text", { iterations: "10" }, "not a whole number"],
])("%s cannot be read", (_, analysis, why) => {
  expect(asUnknown(read({ ...BASE, ...analysis }))).toMatchObject({ why: expect.stringContaining(why), line: 2 });
});

test.each([
  ["an analysis that is text", { analysis: "${ANALYSIS}" }, "spec.analysis is ${ANALYSIS}"],
  ["a switch in quotes", { analysis: { ...BASE, stepWeight: 5 }, skipAnalysis: "false" }, "not true or false"],
])("%s cannot be read", (_, spec, why) => {
  expect(asUnknown(readObjects(flagger(spec))).why).toContain(why);
});

test("a Canary without a spec cannot be read", () => {
  const object = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "web" } };
  expect(asUnknown(readObjects(object)).why).toBe("Canary/web: there is no spec");
});
