import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  analysis,
  asBlueGreen,
  asCanary,
  asUnknown,
  figures,
  ISTIO,
  pause,
  readCanarySteps,
  readObjects,
  rollout,
  ROUTED,
  timed,
  weight,
} from "./rollouts.ts";

describe("with a router", () => {
  test.each([
    ["a person holds the first weight", [weight(5), pause, weight(50), pause], "5 → 5, 5 before person"],
    ["time holds it", [weight(5), timed, weight(100)], "5 → 5, 5 before timed"],
    ["an analysis holds it", [weight(5), analysis], "5 → 5, 5 before analysis"],
    ["nothing holds the first: the second counts", [weight(5), weight(50), pause], "5 → 5, 50 before person"],
    ["not the least of the weights", [weight(50), pause, weight(5), pause], "50 → 50, 50 before person"],
    ["going down again does not undo it", [weight(50), weight(5), pause], "50 → 50, 50 before person"],
    ["nothing holds any", [weight(5), weight(20), weight(80)], "5 → 5, 100 before none"],
    ["only the last has no gate after it", [weight(5)], "5 → 5, 100 before none"],
    ["a weight of 100 held is still everybody", [weight(100), pause], "100 → 100, 100 before person"],
    ["a pause before anybody has it holds nothing", [pause, weight(100)], "100 → 100, 100 before none"],
    ["nor does a weight of 0", [weight(0), pause, weight(20), pause], "20 → 20, 20 before person"],
    ["nor an analysis at 0", [analysis, weight(20), weight(60), timed], "20 → 20, 60 before timed"],
    ["a pause alone", [pause], "100 → 100, 100 before none"],
    ["no steps", [], "100 → 100, 100 before none"],
    [
      "a step plugin is no gate",
      [weight(5), { plugin: { name: "a/b" } }, weight(30), pause],
      "5 → 5, 30 before person",
    ],
    ["pods are not traffic", [{ setCanaryScale: { replicas: 1 } }, weight(90), pause], "90 → 90, 90 before person"],
    // Argo counts such an item as done when the pods are there: the analysis in it holds nothing.
    [
      "an analysis beside setCanaryScale",
      [weight(5), { setCanaryScale: { weight: 5 }, ...analysis }],
      "5 → 5, 100 before none",
    ],
    [
      "a pause beside setCanaryScale holds",
      [weight(5), { setCanaryScale: { weight: 5 }, ...pause }],
      "5 → 5, 5 before person",
    ],
  ])("%s", (_, steps, expected) => {
    expect(figures(readCanarySteps(steps))).toBe(expected);
  });

  test.each([
    ["steps of null", { ...ROUTED, steps: null }],
    ["no mention of steps", ROUTED],
  ])("%s is a rolling update", (_, canary) => {
    const reading = asCanary(readObjects(rollout({ canary })));
    expect(figures(reading)).toBe("100 → 100, 100 before none");
    expect(reading.notes).toContain("no steps: a plain rolling update");
  });

  test.each([
    [10, 1_000, 1],
    [1, 3, 100 / 3],
    [1_000, 1_000, 100],
    [5, 100, 5],
  ])("weight %d of %d is %d%%", (setWeight, maxTrafficWeight, pct) => {
    const trafficRouting = { ...ROUTED.trafficRouting, maxTrafficWeight };
    const reading = asCanary(readCanarySteps([weight(setWeight), pause], { ...ROUTED, trafficRouting }));
    expect(reading).toMatchObject({ declaredPct: pct, effectivePct: pct, beforeFirstGatePct: pct });
  });

  test("replicas may be filled in elsewhere: they decide nothing", () => {
    expect(figures(readCanarySteps([weight(5), pause], ROUTED, { replicas: "${REPLICAS}" }))).toBe(
      "5 → 5, 5 before person",
    );
  });
});

describe("pauses", () => {
  test.each([
    [{}, "person"],
    [{ duration: null }, "person"],
    [{ duration: 1 }, "timed"],
    [{ duration: "1" }, "timed"],
    [{ duration: "10s" }, "timed"],
    [{ duration: "1h30m" }, "timed"],
    [{ duration: "1.5h" }, "timed"],
    [{ duration: "+1m" }, "timed"],
    [{ duration: "1s" }, "timed"],
  ])("%j waits: %s", (given, gate) => {
    expect(asCanary(readCanarySteps([weight(5), { pause: given }]))).toMatchObject({ beforeFirstGatePct: 5, gate });
  });

  test.each([{ duration: 0 }, { duration: "0" }, { duration: "0s" }, { duration: "999ms" }])(
    "%j waits for nothing",
    (given) => {
      expect(asCanary(readCanarySteps([weight(5), { pause: given }]))).toMatchObject({
        beforeFirstGatePct: 100,
        gate: "none",
      });
    },
  );

  test.each([
    { duration: -1 },
    { duration: "-1s" },
    { duration: "1d" },
    { duration: "soon" },
    { duration: "" },
    { duration: 1.5 },
    { duration: "${WAIT}" },
    { duration: "1 m" },
    { duration: "xx1s" },
  ])("%j is refused", (given) => {
    expect(asUnknown(readCanarySteps([weight(5), { pause: given }])).why).toContain("steps[1].pause.duration");
  });
});

describe("notes", () => {
  const notes = (steps: unknown[], canary: object = ROUTED, options = {}) =>
    asCanary(readCanarySteps(steps, canary, options)).notes;
  const managed = { trafficRouting: { ...ISTIO.trafficRouting, managedRoutes: [{ name: "r" }] } };
  const match = [{ headerName: "x", headerValue: { exact: "y" } }];

  test.each([
    ["no traffic router: 5% of 2 pods is 1 of 3 = 33.3%", notes([weight(5), pause], {}, { replicas: 2 })],
    ["no traffic router: 5% of 1 pod is 1 of 2 = 50%", notes([weight(5), pause], {}, { replicas: 1 })],
    ["spec.replicas is not given: 1 pod", notes([weight(5), pause], {})],
    ["held at 5% by a pause until a person promotes", notes([weight(5), pause])],
    ["held at 5% by a pause of 600 s", notes([weight(5), timed])],
    ["held at 5% by an analysis", notes([weight(5), analysis])],
    ["nothing holds 5%: it goes on to 50% by itself", notes([weight(5), weight(50), pause])],
    ["no gate while users get the new version: it reaches 100% by itself", notes([weight(5)])],
    ["steps[0] waits while nobody gets the new version: not counted as a gate", notes([pause, weight(5), pause])],
    [
      "steps[1].plugin is not counted as a gate: whether it waits is not in the file",
      notes([weight(5), { plugin: { name: "a" } }, pause]),
    ],
    [
      "the background analysis can abort, but holds no weight",
      notes([weight(5), pause], { ...ROUTED, analysis: { templates: [] } }),
    ],
    [
      "steps[0].setHeaderRoute sends everybody who matches to the new version, beside the weights",
      notes([{ setHeaderRoute: { name: "r", match } }, weight(5), pause], managed),
    ],
    [
      "steps[0].setMirrorRoute sends requests to both versions: writes happen twice",
      notes([{ setMirrorRoute: { name: "r" } }, weight(5), pause], managed),
    ],
  ])("%s", (note, all) => {
    expect(all).toContain(note);
  });

  test("a header route that matches nobody is being taken away, and says nothing", () => {
    expect(notes([weight(5), pause, { setHeaderRoute: { name: "r" } }], managed)).toEqual([
      "held at 5% by a pause until a person promotes",
    ]);
  });

  test("the figures are exact where the notes are rounded", () => {
    expect(asCanary(readCanarySteps([weight(5), pause], {}, { replicas: 2 })).effectivePct).toBe(100 / 3);
  });
});

describe("blueGreen", () => {
  const services = { activeService: "live", previewService: "next" };
  const analysed = { prePromotionAnalysis: { templates: [{ templateName: "smoke" }] } };

  test.each([
    ["by default nothing gates it", {}, "none"],
    ["said aloud", { autoPromotionEnabled: true }, "none"],
    ["a person", { autoPromotionEnabled: false }, "person"],
    ["an analysis", analysed, "analysis"],
    ["time", { autoPromotionSeconds: 600 }, "timed"],
    ["no time", { autoPromotionSeconds: 0 }, "none"],
    ["a person before an analysis", { autoPromotionEnabled: false, ...analysed }, "person"],
    ["an analysis before time", { autoPromotionSeconds: 600, ...analysed }, "analysis"],
    ["seconds are ignored where a person promotes", { autoPromotionEnabled: false, autoPromotionSeconds: 1 }, "person"],
    ["an analysis after the flip gates nothing", { postPromotionAnalysis: { templates: [] } }, "none"],
  ])("%s", (_, extra, gate) => {
    const reading = asBlueGreen(readObjects(rollout({ blueGreen: { ...services, ...extra } })));
    expect(reading).toMatchObject({ gate, tool: "Argo Rollouts", resource: "Rollout/web", line: 2 });
  });

  test.each([
    ["promoted by itself at once: from 0 to 100% with nothing before it", services],
    ["promoted by itself after 600 s", { ...services, autoPromotionSeconds: 600 }],
    ["no previewService: nothing leads to the new version before everybody gets it", { activeService: "live" }],
    [
      "autoPromotionSeconds is ignored where autoPromotionEnabled is false",
      { ...services, autoPromotionEnabled: false, autoPromotionSeconds: 5 },
    ],
    [
      "postPromotionAnalysis runs when everybody has the new version already",
      { ...services, postPromotionAnalysis: {} },
    ],
  ])("notes: %s", (note, blueGreen) => {
    expect(asBlueGreen(readObjects(rollout({ blueGreen }))).notes).toContain(note);
  });

  test.each([
    [
      "one service for both",
      { activeService: "live", previewService: "live" },
      "needs an activeService, and another previewService",
    ],
    ["no services", {}, "needs an activeService"],
    [
      "a switch in quotes",
      { ...services, autoPromotionEnabled: "false" },
      'autoPromotionEnabled is "false", not true or false',
    ],
    ["a switch filled in elsewhere", { ...services, autoPromotionEnabled: "${AUTO}" }, "which is filled in elsewhere"],
    ["seconds as text", { ...services, autoPromotionSeconds: "60" }, "not a whole number"],
  ])("%s cannot be read", (_, blueGreen, why) => {
    expect(asUnknown(readObjects(rollout({ blueGreen }))).why).toContain(why);
  });
});

describe("whatever the steps", () => {
  const step = fc.oneof(
    fc.integer({ min: 0, max: 100 }).map(weight),
    fc.constantFrom(pause, timed, analysis, { pause: { duration: 0 } }),
  );
  const steps = fc.array(step, { maxLength: 8 });

  test("a router gives what is declared", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { declaredPct, effectivePct } = asCanary(readCanarySteps(list));
        expect(effectivePct).toBe(declaredPct);
      }),
    );
  });

  test("every share is between nobody and everybody, and no gate means everybody", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 60 }), fc.boolean(), (list, replicas, routed) => {
        const reading = asCanary(readCanarySteps(list, routed ? ROUTED : {}, { replicas }));
        for (const pct of [reading.declaredPct, reading.effectivePct, reading.beforeFirstGatePct]) {
          expect(pct >= 0 && pct <= 100).toBe(true);
        }
        expect(reading.beforeFirstGatePct).toBeGreaterThan(0);
        if (reading.gate === "none") expect(reading.beforeFirstGatePct).toBe(100);
      }),
    );
  });

  test("nobody gets more before the first gate where a gate is put after every step", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const ungated = asCanary(readCanarySteps(list)).beforeFirstGatePct;
        const gated = asCanary(readCanarySteps(list.flatMap((one) => [one, pause]))).beforeFirstGatePct;
        expect(gated).toBeLessThanOrEqual(ungated);
      }),
    );
  });
});
