import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readManifest } from "../../../src/evidence/manifests/read.ts";
import { asCanary, asUnknown, figures, flagger, readObjects, rollout, ROUTED } from "./rollouts.ts";

const read = (text: string, resource?: string) =>
  readManifest(text, resource === undefined ? { file: "deploy.yaml" } : { file: "deploy.yaml", resource });

/** As people write it: services before, comments between. */
const ROLLOUT = `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
spec:
  replicas: 20
  strategy:
    canary:
      steps:
        - setWeight: 5
        - pause: {}
`;
const CANARY = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: api
spec:
  analysis:
    stepWeight: 10
    metrics: [{ name: request-success-rate }]
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: web
`;
const VIRTUAL_SERVICE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
spec:
  http:
    - route:
        - { destination: { host: web-stable }, weight: 100 }
        - { destination: { host: web-canary }, weight: 0 }
`;
const HELM = ROLLOUT.replace("replicas: 20", "replicas: {{ .Values.replicas }}");

describe("documents", () => {
  test.each([
    ["one", ROLLOUT, 1],
    ["after a separator", `---\n${ROLLOUT}`, 2],
    ["after a comment", `# the rollout\n\n---\n# of the web\n${ROLLOUT}`, 5],
    ["after a directive", `%YAML 1.1\n---\n${ROLLOUT}`, 3],
    ["among others", `${SERVICE}---\n${ROLLOUT}---\n${SERVICE}`, 6],
    ["before an end", `${ROLLOUT}...\n`, 1],
    ["with Windows line ends", `${SERVICE}---\n${ROLLOUT}`.replaceAll("\n", "\r\n"), 6],
    ["after a byte order mark", `\uFEFF${ROLLOUT}`, 1],
    [
      "as JSON",
      JSON.stringify(rollout({ canary: { steps: [{ setWeight: 5 }, { pause: {} }] } }, { replicas: 20 }), null, 2),
      1,
    ],
    [
      "in a List",
      `apiVersion: v1\nkind: List\nitems:\n  - ${SERVICE.replaceAll("\n", "\n    ").trim()}\n  - ${ROLLOUT.replaceAll("\n", "\n    ").trim()}\n`,
      8,
    ],
    ["beside a document that cannot be parsed", `image: {username}/x\n---\n${ROLLOUT}---\na: b: c\n`, 3],
    [
      "beside a template of something else",
      `apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n---\n${ROLLOUT}`,
      6,
    ],
  ])("a rollout %s", (_, text, line) => {
    const reading = asCanary(read(text));
    expect(figures(reading)).toBe("5 → 5, 5 before person");
    expect(reading).toMatchObject({ tool: "Argo Rollouts", resource: "Rollout/web", line });
  });

  test("values are read as kubectl reads them: YAML 1.1, with merges", () => {
    const text = ROLLOUT.replace(
      /strategy:[^]*/,
      "strategy: { blueGreen: { <<: *services, autoPromotionEnabled: no } }\n",
    );
    const merged = text.replace("replicas: 20", "x: &services { activeService: a, previewService: b }");
    expect(read(merged)).toMatchObject({ kind: "blue-green", gate: "person" });
  });

  test.each([
    ["an unquoted value", HELM],
    ["a block", ROLLOUT.replace("steps:", "steps: {{ toYaml .Values.steps | nindent 8 }}\n      x:")],
    ["a condition around it", `{{- if .Values.rollout }}\n${ROLLOUT}{{- end }}\n`],
    ["a whole strategy", ROLLOUT.replace(/canary:[^]*/, "canary: {{ toYaml .Values.canary }}\n")],
    ["in a document after another", `${SERVICE}---\n${HELM}`],
  ])("a template is unknown: %s", (_, text) => {
    expect(asUnknown(read(text)).why).toContain("it is a template: render it first");
  });

  test("a placeholder where it does not matter does no harm", () => {
    const text = ROLLOUT.replace(
      "replicas: 20",
      'replicas: 20\n  template: { spec: { image: "web:${TAG}", args: ["{{ x }}"] } }',
    );
    expect(figures(read(text))).toBe("5 → 5, 5 before person");
  });

  test.each([
    ["a repeated key", `${ROLLOUT}  replicas: 2\n`, "Map keys must be unique (line 12)"],
    ["bad indentation", ROLLOUT.replace("        - pause: {}", "       - pause: {}"), "it cannot be parsed"],
    ["an alias of nothing", ROLLOUT.replace("pause: {}", "pause: *forever"), "Unresolved alias"],
    ["a shell script around it", `#!/bin/sh\nkubectl apply -f - <<EOF\n${ROLLOUT}EOF\n`, "it cannot be parsed"],
    ["a tab", `${ROLLOUT}\tx: 1\n`, "it cannot be parsed"],
  ])("%s is unknown", (_, text, why) => {
    expect(asUnknown(read(text)).why).toContain(why);
  });

  test("aliases upon aliases are refused, not followed", () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `l${level + 1}: &l${level + 1} [${"*l".concat(String(level), ", ").repeat(9)}]`,
    );
    const text = `${ROLLOUT}l0: &l0 [x]\n${levels.join("\n")}\n`;
    expect(asUnknown(read(text)).why).toContain("Excessive alias count");
  });

  test("nothing makes it throw", () => {
    const pieces = fc.constantFrom(
      "---\n",
      "{{ x }}",
      "${X}",
      "a: ",
      "- ",
      "\n",
      "kind: Rollout\n",
      "apiVersion: argoproj.io/v1\n",
      "spec:\n  ",
      "*a",
      "&a ",
      "{",
      "]",
      "%Y\n",
      "? ",
      "<<: ",
      "'",
      "|\n",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces).map((all) => all.join("")),
          fc.string(),
        ),
        (text) => {
          expect(["unknown", "none"]).toContain(read(text).kind);
          expect(read(`${ROLLOUT}---\n${text}`).kind).not.toBe("none");
        },
      ),
    );
  });

  test("nor do values of other types", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (strategy, step, spec) => {
        for (const object of [
          rollout(strategy),
          rollout({ canary: { steps: [step], trafficRouting: spec } }),
          rollout({ canary: strategy, blueGreen: null }),
        ]) {
          expect(readObjects(object).kind).not.toBe("none");
        }
        expect(readObjects(flagger({ analysis: strategy })).kind).not.toBe("none");
        expect(readObjects({ ...flagger({}), spec }).kind).not.toBe("none");
      }),
    );
  });
});

describe("which one", () => {
  const three = `${ROLLOUT}---\n${ROLLOUT.replace("name: web", "name: worker").replace("setWeight: 5", "setWeight: 50")}---\n${CANARY}`;

  test.each([
    ["Rollout/web", "5 → 5, 5 before person"],
    ["Rollout/worker", "50 → 50, 50 before person"],
    ["Canary/api", "10 → 10, 10 before analysis"],
  ])("%s", (resource, expected) => {
    const reading = asCanary(read(three, resource));
    expect(figures(reading)).toBe(expected);
    expect(reading.resource).toBe(resource);
  });

  test.each([
    ["several", three, "3 rollouts in deploy.yaml: name one with canary.resource"],
    ["two", `${ROLLOUT}---\n${CANARY}`, "2 rollouts in deploy.yaml: name one with canary.resource"],
    [
      "one, and a template of another",
      `${ROLLOUT}---\n${HELM}`,
      "2 rollouts in deploy.yaml: name one with canary.resource",
    ],
  ])("%s without a name are unknown", (_, text, why) => {
    expect(read(text)).toEqual({ kind: "unknown", why });
  });

  test.each([
    ["Rollout/api", three, "Rollout/api is not in deploy.yaml, which holds Rollout/web, Rollout/worker, Canary/api"],
    ["Rollout/we", ROLLOUT, "Rollout/we is not in deploy.yaml, which holds Rollout/web"],
    ["rollout/web", ROLLOUT, "rollout/web is not in deploy.yaml"],
    ["web", ROLLOUT, "web is not in deploy.yaml"],
    ["Rollout/web", SERVICE, "Rollout/web is not in deploy.yaml, which holds no Rollout and no Canary"],
    ["Rollout/web", "", "Rollout/web is not in deploy.yaml, which holds no Rollout and no Canary"],
    ["Rollout/web", `${ROLLOUT}---\n${ROLLOUT}`, "2 resources in deploy.yaml are called Rollout/web"],
    ["Rollout/web", HELM, "it is a template"],
    ["VirtualService/web", `${ROLLOUT}---\n${VIRTUAL_SERVICE}`, "Istio VirtualService is not read yet"],
  ])("%s is unknown where it is not to be found or read", (resource, text, why) => {
    expect(asUnknown(read(text, resource)).why).toContain(why);
  });

  test("a name is taken from what can be read, whatever stands beside it", () => {
    expect(figures(read(`${HELM}---\n${ROLLOUT}`, "Rollout/web"))).toBe("5 → 5, 5 before person");
  });
});

describe("nothing that shifts traffic", () => {
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: { replicas: 3 } };
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "canary-ingress" } };

  test.each([
    ["an empty file", ""],
    ["a comment", "# later\n"],
    ["a directive before it", `%YAML 1.1\n# later\n---\n${SERVICE}`],
    ["a scalar", "rollout\n"],
    ["a list", "- kind: Rollout\n"],
    ["a Service", SERVICE],
    ["a Deployment", JSON.stringify(deployment)],
    ["an Ingress that is only called canary", JSON.stringify(ingress)],
    ["a Rollout of another group", ROLLOUT.replace("argoproj.io", "example.com")],
    ["a Rollout of no group", ROLLOUT.replace("argoproj.io/v1alpha1", "v1")],
    ["another kind of Argo's", ROLLOUT.replace("kind: Rollout", "kind: AnalysisTemplate")],
    ["Flagger's metrics", CANARY.replace("kind: Canary", "kind: MetricTemplate")],
    [
      "an IngressRoute without weights",
      JSON.stringify({ apiVersion: "traefik.io/v1alpha1", kind: "IngressRoute", spec: { routes: [] } }),
    ],
    ["an empty List", "apiVersion: v1\nkind: List\nitems: []\n"],
  ])("%s", (_, text) => {
    expect(read(text)).toEqual({ kind: "none", why: "no Rollout and no Canary in deploy.yaml" });
  });
});

describe("formats that are not read yet", () => {
  const object = (apiVersion: string, kind: string, extra: object = {}) => ({
    apiVersion,
    kind,
    metadata: { name: "web" },
    ...extra,
  });
  const annotated = (annotations: object) =>
    object("networking.k8s.io/v1", "Ingress", { metadata: { name: "web", annotations } });

  test.each([
    ["Istio VirtualService", object("networking.istio.io/v1beta1", "VirtualService")],
    ["Gateway API HTTPRoute", object("gateway.networking.k8s.io/v1", "HTTPRoute")],
    ["Gateway API GRPCRoute", object("gateway.networking.k8s.io/v1", "GRPCRoute")],
    ["SMI TrafficSplit", object("split.smi-spec.io/v1alpha2", "TrafficSplit")],
    ["nginx canary Ingress", annotated({ "nginx.ingress.kubernetes.io/canary": "true" })],
    ["nginx canary Ingress", annotated({ "own.example.com/canary": true })],
    ["Traefik TraefikService", object("traefik.io/v1alpha1", "TraefikService", { spec: { weighted: {} } })],
    [
      "Traefik IngressRoute",
      object("traefik.containo.us/v1alpha1", "IngressRoute", { spec: { routes: [{ services: [{ weight: 1 }] }] } }),
    ],
    ["Knative Service", object("serving.knative.dev/v1", "Service")],
    ["KServe InferenceService", object("serving.kserve.io/v1beta1", "InferenceService")],
    ["OpenKruise Rollout", object("rollouts.kruise.io/v1beta1", "Rollout")],
    ["AWS SAM template", { Resources: { Web: { Type: "AWS::Serverless::Function" } } }],
    ["AWS CloudFormation template", { Resources: { Web: { Type: "AWS::ECS::Service" } } }],
    ["AWS CodeDeploy appspec", { version: 0, Resources: [{ Web: { Type: "AWS::ECS::Service" } }] }],
    ["Azure Container App", { properties: { configuration: { ingress: { traffic: [] } } } }],
  ])("%s", (format, given) => {
    expect(readObjects(given)).toEqual({ kind: "unknown", why: `${format} is not read yet`, line: 2 });
  });

  test("SAM's own tags do not stand in the way", () => {
    const text =
      "Resources:\n  Web:\n    Type: AWS::Serverless::Function\n    Properties:\n      AutoPublishAlias: !Ref Stage\n";
    expect(asUnknown(read(text)).why).toBe("AWS SAM template is not read yet");
  });

  test("the controller's own object comes before a mesh object at rest", () => {
    expect(figures(read(`${VIRTUAL_SERVICE}---\n${ROLLOUT}`))).toBe("5 → 5, 5 before person");
  });

  test("what is known is named before what cannot be parsed", () => {
    expect(asUnknown(read(`a: {{ b }}\n---\n${VIRTUAL_SERVICE}`)).why).toBe("Istio VirtualService is not read yet");
    expect(asUnknown(read(`${SERVICE}---\na: {{ b }}\n`))).toEqual({
      kind: "unknown",
      why: "deploy.yaml, from line 6: it is a template: render it first, and name the result",
      line: 6,
    });
  });
});

test("a resource without a name is read all the same", () => {
  const { metadata: _, ...nameless } = rollout({ canary: ROUTED }) as { metadata: unknown };
  expect(asCanary(readObjects(nameless)).resource).toBe("Rollout/?");
});
