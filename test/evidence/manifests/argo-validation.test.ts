import { describe, expect, test } from "vitest";
import {
  analysis,
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

describe("what Argo Rollouts refuses", () => {
  const managed = { trafficRouting: { ...ISTIO.trafficRouting, managedRoutes: [{ name: "to-new" }] } };
  const header = { setHeaderRoute: { name: "to-new", match: [{ headerName: "x", headerValue: { exact: "y" } }] } };

  test.each([
    ["two kinds in one item", [{ setWeight: 5, ...pause }], ROUTED, "steps[0] holds setWeight and pause"],
    ["two waits in one item", [weight(5), { ...analysis, ...pause }], ROUTED, "steps[1] holds pause and analysis"],
    ["a pause of null", [weight(5), { pause: null }], ROUTED, "steps[1] is empty"],
    ["an unknown step", [weight(5), { wait: "1h" }], ROUTED, "steps[1] is empty"],
    ["a step that is no map", ["pause"], ROUTED, "steps[0] is not a map"],
    ["a weight above all", [weight(101)], ROUTED, "steps[0].setWeight is 101, not between 0 and 100"],
    ["a weight below nothing", [weight(-1)], ROUTED, "steps[0].setWeight is -1"],
    ["half a percent", [weight(0.5)], ROUTED, "steps[0].setWeight is 0.5, not a whole number"],
    ["a weight in quotes", [{ setWeight: "5" }], ROUTED, 'steps[0].setWeight is "5", not a whole number'],
    [
      "a weight filled in elsewhere",
      [{ setWeight: "${WEIGHT}" }],
      ROUTED,
      "steps[0].setWeight is ${WEIGHT}, which is filled in elsewhere",
    ],
    [
      "setCanaryScale without a router",
      [{ setCanaryScale: { replicas: 1 } }],
      {},
      "steps[0].setCanaryScale needs trafficRouting",
    ],
    ["a header route without a router", [header], {}, "steps[0].setHeaderRoute needs another router"],
    ["a header route under nginx", [header], ROUTED, "steps[0].setHeaderRoute needs another router"],
    [
      "a header route that is not managed",
      [header],
      ISTIO,
      "names to-new, which is not in trafficRouting.managedRoutes",
    ],
    ["another route that is managed", [{ setHeaderRoute: { name: "b" } }], managed, "names b, which is not in"],
    [
      "a mirror under alb",
      [{ setMirrorRoute: { name: "m" } }],
      { ...ROUTED, trafficRouting: { alb: {} } },
      "steps[0].setMirrorRoute needs another router",
    ],
  ])("%s", (_, steps, canary, why) => {
    expect(asUnknown(readCanarySteps(steps, canary))).toMatchObject({ why: expect.stringContaining(why), line: 2 });
  });

  test.each([
    ["surge and unavailable both 0", { maxSurge: 0, maxUnavailable: 0 }, "maxSurge and maxUnavailable are both 0"],
    ["both 0%", { maxSurge: "0%", maxUnavailable: "0%" }, "are both 0"],
    ["a surge filled in elsewhere", { maxSurge: "${SURGE}" }, "neither a number nor a percentage"],
    ["one service for both", { ...ROUTED, canaryService: "old" }, "canaryService and stableService are the same"],
    ["no services", { trafficRouting: { nginx: {} } }, "trafficRouting.nginx needs canaryService and stableService"],
    [
      "no stable service",
      { canaryService: "new", trafficRouting: { smi: {} } },
      "trafficRouting.smi needs stableService",
    ],
    ["istio without a destination rule or services", { trafficRouting: { istio: {} } }, "trafficRouting.istio needs"],
    ["an empty trafficRouting", { trafficRouting: {} }, "trafficRouting names no router"],
    ["a router of null", { trafficRouting: { nginx: null } }, "trafficRouting names no router"],
    ["no plugins among plugins", { trafficRouting: { plugins: {} } }, "trafficRouting names no router"],
    [
      "another maximum under istio",
      { trafficRouting: { ...ISTIO.trafficRouting, maxTrafficWeight: 1_000 } },
      "maxTrafficWeight works with nginx and plugins only",
    ],
    ["a maximum of 0", { trafficRouting: { plugins: { a: {} }, maxTrafficWeight: 0 } }, "maxTrafficWeight is below 1"],
    ["dynamicStableScale without a router", { dynamicStableScale: true }, "dynamicStableScale needs trafficRouting"],
    [
      "scaleDownDelaySeconds without a router",
      { scaleDownDelaySeconds: 30 },
      "scaleDownDelaySeconds needs trafficRouting",
    ],
    ["both under one", { ...ISTIO, dynamicStableScale: true, scaleDownDelaySeconds: 30 }, "exclude each other"],
    [
      "ping without pong",
      { trafficRouting: { istio: {} }, pingPong: { pingService: "a" } },
      "pingPong needs two different services",
    ],
    [
      "ping-pong under nginx",
      { ...ROUTED, pingPong: { pingService: "a", pongService: "b" } },
      "pingPong works with alb, istio and plugins only",
    ],
    [
      "ping-pong under alb without a root",
      { trafficRouting: { alb: {} }, pingPong: { pingService: "a", pongService: "b" } },
      "needs rootService",
    ],
    [
      "steps that are no list",
      { steps: "{{ .Values.steps }}" },
      "steps is {{ .Values.steps }}, which is filled in elsewhere",
    ],
  ])("%s", (_, canary, why) => {
    expect(asUnknown(readObjects(rollout({ canary: { steps: [weight(5), pause], ...canary } }))).why).toContain(why);
  });

  test.each([
    ["istio with a destination rule", ISTIO],
    ["istio with services", { ...ROUTED, trafficRouting: { istio: {} } }],
    ["istio with ping-pong", { trafficRouting: { istio: {} }, pingPong: { pingService: "a", pongService: "b" } }],
    [
      "alb with ping-pong",
      { trafficRouting: { alb: { rootService: "r" } }, pingPong: { pingService: "a", pongService: "b" } },
    ],
    ["a plugin", { trafficRouting: { plugins: { "argoproj-labs/gatewayAPI": { httpRoute: "web" } } } }],
    ["smi without settings", { ...ROUTED, trafficRouting: { smi: {} } }],
  ])("but not %s", (_, canary) => {
    expect(figures(readCanarySteps([weight(5), pause], canary))).toBe("5 → 5, 5 before person");
  });

  test.each([
    ["no strategy", undefined, "spec.strategy holds neither canary nor blueGreen"],
    [
      "a Deployment's strategy",
      { rollingUpdate: { maxSurge: 1 }, type: "RollingUpdate" },
      "holds neither canary nor blueGreen",
    ],
    ["both strategies", { canary: {}, blueGreen: { activeService: "a" } }, "holds both canary and blueGreen"],
    ["a strategy of null", { canary: null }, "holds neither"],
    ["a strategy filled in elsewhere", { canary: "{{ toYaml .Values.canary }}" }, "which is filled in elsewhere"],
    ["a strategy as a list", [{ canary: {} }], "spec.strategy is a list, not a map"],
  ])("%s", (_, strategy, why) => {
    expect(asUnknown(readObjects(rollout(strategy))).why).toContain(why);
  });

  test("says of which rollout, and at most three things", () => {
    const steps = [weight(101), weight(102), weight(103), weight(104)];
    const { why } = asUnknown(readCanarySteps(steps));
    expect(why).toMatch(/^Rollout\/web: /);
    expect(why.split("; ")).toHaveLength(3);
  });
});
