import { describe, expect, test } from "vitest";
import {
  asCanary,
  asUnknown,
  figures,
  ISTIO,
  pause,
  readCanarySteps,
  readObjects,
  rollout,
  ROUTED,
  weight,
} from "./rollouts.ts";

const canaryTemplate = { name: "new", specRef: "canary" };

describe("without a router", () => {
  test.each([
    [2, 25, "25 → 33.3, 33.3 before person"],
    [2, 20, "20 → 33.3, 33.3 before person"],
    [2, 5, "5 → 33.3, 33.3 before person"],
    [3, 20, "20 → 25, 25 before person"],
    [5, 10, "10 → 16.7, 16.7 before person"],
    [10, 5, "5 → 9.1, 9.1 before person"],
    [10, 1, "1 → 9.1, 9.1 before person"],
    [5, 20, "20 → 20, 20 before person"],
    [1, 5, "5 → 50, 50 before person"],
    [undefined, 5, "5 → 50, 50 before person"],
    [19, 5, "5 → 5, 5 before person"],
    [18, 5, "5 → 5.3, 5.3 before person"],
    [100, 5, "5 → 5, 5 before person"],
  ])("%s pods at weight %d", (replicas, setWeight, expected) => {
    expect(figures(readCanarySteps([weight(setWeight), pause], {}, { replicas }))).toBe(expected);
  });

  test("a single pod that may not be doubled goes from nobody to everybody", () => {
    const canary = { maxSurge: 0, maxUnavailable: 1 };
    const steps = [weight(5), pause, weight(60), pause];
    expect(figures(readCanarySteps(steps, canary, { replicas: 1 }))).toBe("5 → 0, 100 before person");
  });

  test.each([
    [0, 1, "33.3"],
    [1, 0, "25"],
    ["25%", undefined, "25"],
    ["0%", 1, "33.3"],
  ])("surge %j, unavailable %j of three pods: %s%%", (maxSurge, maxUnavailable, pct) => {
    const reading = readCanarySteps([weight(5), pause], { maxSurge, maxUnavailable }, { replicas: 3 });
    expect(figures(reading)).toBe(`5 → ${pct}, ${pct} before person`);
  });

  test("no strategy settings at all is everybody", () => {
    expect(figures(readObjects(rollout({ canary: {} }, { replicas: 10 })))).toBe("100 → 100, 100 before none");
  });

  test.each([
    [0, "spec.replicas is 0: no pod answers anybody"],
    [-1, "spec.replicas is -1"],
    ["${REPLICAS}", "spec.replicas is ${REPLICAS}, which is filled in elsewhere"],
    ["2", 'spec.replicas is "2", not a whole number'],
    [1.5, "spec.replicas is 1.5, not a whole number"],
  ])("replicas %j cannot be read", (replicas, why) => {
    expect(asUnknown(readCanarySteps([weight(5), pause], {}, { replicas })).why).toContain(why);
  });
});

describe("autoscaled", () => {
  const target = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "web" };
  const scaler = (spec: object, kind = "HorizontalPodAutoscaler") => ({
    apiVersion: kind === "ScaledObject" ? "keda.sh/v1alpha1" : "autoscaling/v2",
    kind,
    metadata: { name: "web" },
    spec: { scaleTargetRef: target, ...spec },
  });
  const many = rollout({ canary: { steps: [weight(5), pause] } }, { replicas: 40 });

  test.each([
    ["the fewest pods count", scaler({ minReplicas: 2, maxReplicas: 40 }), "5 → 33.3, 33.3 before person"],
    ["one pod by default", scaler({ maxReplicas: 40 }), "5 → 50, 50 before person"],
    ["enough pods always", scaler({ minReplicas: 20, maxReplicas: 20 }), "5 → 5, 5 before person"],
    ["KEDA", scaler({ minReplicaCount: 3 }, "ScaledObject"), "5 → 25, 25 before person"],
    ["KEDA down to none", scaler({}, "ScaledObject"), "5 → 50, 50 before person"],
    ["of something else", scaler({ scaleTargetRef: { ...target, name: "other" } }), "5 → 5, 5 before person"],
  ])("%s", (_, other, expected) => {
    expect(figures(readObjects(other, many))).toBe(expected);
  });

  test("between numbers that are filled in elsewhere", () => {
    const why = asUnknown(readObjects(many, scaler({ minReplicas: "${MIN}", maxReplicas: 40 }))).why;
    expect(why).toContain("HorizontalPodAutoscaler/web does not say between how many pods it scales");
  });
});

describe("experiments", () => {
  const experiment = (extra: object = {}, ...templates: object[]) => ({ experiment: { templates, ...extra } });
  const five = { ...canaryTemplate, weight: 5 };
  const base = { name: "base", specRef: "stable", weight: 5 };
  const analyses = { analyses: [{ name: "a", templateName: "a" }] };

  test.each([
    ["weights are traffic", [experiment(analyses, five, base), weight(20), pause], "5 → 5, 5 before analysis"],
    ["they end by time", [experiment({ duration: "1h" }, five), weight(20), pause], "5 → 5, 5 before timed"],
    ["or when a person ends them", [experiment({}, five), weight(20), pause], "5 → 5, 5 before person"],
    ["they come on top", [weight(10), experiment(analyses, five, base)], "10 → 10, 15 before analysis"],
    ["several add up", [experiment(analyses, five, { ...five, name: "b" })], "10 → 10, 10 before analysis"],
    [
      "the old version's weight is not the new one's",
      [experiment(analyses, base), weight(20), pause],
      "20 → 20, 20 before person",
    ],
    [
      "without a weight nobody is sent there",
      [experiment(analyses, canaryTemplate), weight(20), pause],
      "20 → 20, 20 before person",
    ],
    ["never above everybody", [weight(98), experiment(analyses, five)], "98 → 98, 100 before analysis"],
  ])("%s", (_, steps, expected) => {
    expect(figures(readCanarySteps(steps, ISTIO))).toBe(expected);
  });

  test("without a router their pods answer users too", () => {
    const steps = [experiment(analyses, canaryTemplate, { name: "base", specRef: "stable" }), weight(20), pause];
    const reading = asCanary(readCanarySteps(steps, {}, { replicas: 3 }));
    expect(figures(reading)).toBe("20 → 25, 20 before analysis");
    expect(reading.notes).toContain("steps[0].experiment runs 1 of 2 pods with the new version");
  });

  test("but not under labels of their own", () => {
    const hidden = { ...canaryTemplate, metadata: { labels: { app: "web-preview" } } };
    expect(figures(readCanarySteps([experiment({}, hidden), weight(20), pause], {}, { replicas: 3 }))).toBe(
      "20 → 25, 25 before person",
    );
    const marked = { ...canaryTemplate, metadata: { labels: { trial: "yes" } } };
    expect(figures(readCanarySteps([experiment({}, marked), weight(20), pause], {}, { replicas: 3 }))).toBe(
      "20 → 25, 25 before person",
    );
  });

  test.each([
    ["without a router", {}, [experiment({}, five)], "steps[0].experiment has weights"],
    ["under nginx", ROUTED, [experiment({}, five)], "steps[0].experiment has weights"],
    ["of no version", ISTIO, [experiment({}, { name: "x", weight: 5 })], "specRef is neither canary nor stable"],
    ["below 0", ISTIO, [experiment({}, { ...five, weight: -5 })], "templates[0].weight is below 0"],
  ])("%s: refused", (_, canary, steps, why) => {
    expect(asUnknown(readCanarySteps(steps, canary)).why).toContain(why);
  });
});
