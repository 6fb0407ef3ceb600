import type { ResourcePlace } from "./argo.ts";
import { field, FieldReader, textField } from "./fields.ts";
import type { YamlMap } from "./fields.ts";
import { percentText } from "./reading.ts";
import type { BlueGreenReading, CanaryReading, Gate, ManifestReading } from "./reading.ts";

const TOOL = "Flagger";

/** The part of a Canary that decides about traffic; numbers are 0 where not given, as in Flagger's own types. */
interface Analysis {
  stepWeight: number;
  stepWeights: number[];
  maxWeight: number;
  iterations: number;
  matches: number;
  metrics: number;
  /** The type of each webhook; `rollout` where it has none. */
  webhooks: string[];
  interval: string;
  mirror: boolean;
  affinity: "none" | "canary only" | "both";
}

/**
 * What a Flagger Canary lets users get before its first gate. Between two weights Flagger waits an interval and runs the
 * analysis, so that the gate stands right behind the first weight (flagger pkg/controller/scheduler.go, advanceCanary).
 */
export function readCanary(object: YamlMap, place: ResourcePlace): ManifestReading {
  const reader = new FieldReader();
  const spec = reader.map(object, "spec", "spec") ?? {};
  // The deprecated name still counts where the new one is missing (pkg/apis/flagger/v1beta1/canary.go, GetAnalysis).
  const name =
    field(spec, "analysis") === undefined && field(spec, "canaryAnalysis") !== undefined
      ? "canaryAnalysis"
      : "analysis";
  const raw = reader.map(spec, name, `spec.${name}`);
  const skip = reader.boolean(spec, "skipAnalysis", "spec.skipAnalysis") ?? false;
  const provider = reader.text(spec, "provider", "spec.provider");
  if (field(object, "spec") === undefined) reader.problems.push("there is no spec");
  const analysis = readAnalysis(raw, `spec.${name}`, reader);
  if (reader.problems.length > 0) return unknown(place, reader.problems.slice(0, 3).join("; "));
  if (raw === undefined) return ungated(place, 100, "no analysis: Flagger promotes at once, to everybody");
  if (skip)
    return ungated(
      place,
      Math.max(firstWeight(analysis), 0) || 100,
      "skipAnalysis: Flagger promotes at once, to everybody",
    );
  const reading = strategy(analysis, provider, place);
  if (reading.kind === "unknown") return reading;
  const suspended =
    field(spec, "suspend") === true ? ["suspended: Flagger starts no canary until a person resumes it"] : [];
  return { ...reading, notes: [...reading.notes, ...sharedNotes(analysis), ...suspended] };
}

function readAnalysis(raw: YamlMap | undefined, path: string, reader: FieldReader): Analysis {
  const integer = (key: string) => reader.integer(raw, key, `${path}.${key}`) ?? 0;
  const list = (key: string) => reader.list(raw, key, `${path}.${key}`);
  const affinity = reader.map(raw, "sessionAffinity", `${path}.sessionAffinity`);
  const weights = list("stepWeights");
  if (!weights.every((weight) => Number.isSafeInteger(weight)))
    reader.problems.push(`${path}.stepWeights are not whole numbers`);
  return {
    stepWeight: integer("stepWeight"),
    stepWeights: weights.map(Number),
    maxWeight: integer("maxWeight"),
    iterations: integer("iterations"),
    matches: list("match").length,
    metrics: list("metrics").length,
    webhooks: list("webhooks").map((hook) => textField(hook, "type") ?? "rollout"),
    interval: reader.text(raw, "interval", `${path}.interval`) ?? "60s",
    mirror: reader.boolean(raw, "mirror", `${path}.mirror`) ?? false,
    affinity:
      affinity === undefined ? "none" : field(affinity, "primaryCookieName") === undefined ? "canary only" : "both",
  };
}

/** Which of Flagger's three ways this is (pkg/apis/flagger/v1beta1/canary.go, DeploymentStrategy; scheduler.go). */
function strategy(
  analysis: Analysis,
  provider: string | undefined,
  place: ResourcePlace,
): ManifestReading & { kind: Reads } {
  if (provider === "kubernetes") return withoutRouter(analysis, place);
  if (analysis.iterations > 0 && analysis.matches > 0) {
    const why = "A/B testing sends everybody who matches to the new version; how many do is not in the file";
    return unknown(place, why);
  }
  if (analysis.iterations > 0) return blueGreen(analysis, place, []);
  return weighted(analysis, place);
}

type Reads = "canary" | "blue-green" | "unknown";

/** Kubernetes alone cannot share out traffic: Flagger then ignores weights and matches, and makes it ten iterations. */
function withoutRouter(analysis: Analysis, place: ResourcePlace): BlueGreenReading {
  const notes = ["provider kubernetes shares out no traffic: users get the new version when it is promoted"];
  if (analysis.iterations < 1) notes.push("weights are ignored: 10 checks, then everybody");
  return blueGreen(analysis, place, notes);
}

function blueGreen(analysis: Analysis, place: ResourcePlace, notes: string[]): BlueGreenReading {
  const checks = analysis.iterations < 1 ? 10 : analysis.iterations;
  const gate = gateOf(analysis, "confirm-promotion");
  const text = `0% during ${checks} checks ${analysis.interval} apart, then everybody`;
  return { kind: "blue-green", tool: TOOL, ...place, gate, notes: [text, ...notes, ...gateNotes(analysis, gate)] };
}

function weighted(analysis: Analysis, place: ResourcePlace): ManifestReading & { kind: Reads } {
  const first = firstWeight(analysis);
  if (first <= 0) return unknown(place, "no stepWeight, stepWeights or iterations above 0: the canary never advances");
  // 0 is not below such a maximum, so Flagger promotes without ever having sent traffic (scheduler.go, runCanary).
  if (cap(analysis) <= 0)
    return ungated(place, first, "the last of stepWeights is 0: Flagger promotes at once, to everybody");
  const gate = gateOf(analysis, "confirm-traffic-increase");
  return {
    kind: "canary",
    tool: TOOL,
    ...place,
    declaredPct: first,
    effectivePct: first,
    beforeFirstGatePct: first,
    gate,
    notes: [...weightNotes(analysis, first), ...gateNotes(analysis, gate)],
  };
}

/** Percent; 0 or less where the canary never advances (scheduler.go, nextStepWeight). */
function firstWeight({ stepWeight, stepWeights }: Analysis): number {
  return Math.min(stepWeight > 0 ? stepWeight : (stepWeights[0] ?? stepWeight), 100);
}

/** The weight at which Flagger stops raising, in percent (scheduler.go, maxWeight). */
function cap({ stepWeights, maxWeight }: Analysis): number {
  const last = stepWeights.at(-1);
  if (last !== undefined) return Math.min(100, last);
  return maxWeight > 0 ? maxWeight : 100;
}

/** Metrics and webhooks of type rollout are the analysis (scheduler.go, runAnalysis); else a webhook that asks, else the clock. */
function gateOf({ metrics, webhooks }: Analysis, asks: string): Gate {
  if (metrics > 0 || webhooks.includes("rollout") || webhooks.includes("")) return "analysis";
  return webhooks.includes(asks) ? "person" : "timed";
}

function gateNotes({ interval }: Analysis, gate: Gate): string[] {
  if (gate === "analysis") return [`held by an analysis every ${interval}`];
  if (gate === "person") return ["held by a webhook that confirms"];
  return [`no metric and no webhook: held by the interval of ${interval} alone`];
}

function weightNotes(analysis: Analysis, first: number): string[] {
  const { stepWeight, stepWeights, matches } = analysis;
  const notes: string[] = [];
  const weights = ladder(analysis, first);
  const most = weights.at(-1) ?? first;
  if (most > cap(analysis)) {
    notes.push(
      `runs ${weights.map(percentText).join(", ")}, then everybody: the maximum of ${cap(analysis)}% does not hold it`,
    );
  }
  if (stepWeight > 0 && stepWeights.length > 0) {
    notes.push(
      "stepWeight and stepWeights are both given, which Flagger's CRD refuses: stepWeight counts, up to the last of stepWeights",
    );
  }
  if (matches > 0) notes.push("match without iterations: the weights share out only requests that match");
  return notes;
}

/** The weights that a canary runs through, in percent: it stops at the first that is not below the maximum. */
function ladder(analysis: Analysis, first: number): number[] {
  const { stepWeight, stepWeights } = analysis;
  if (stepWeight <= 0) return stepWeights.map((weight) => Math.min(weight, 100));
  const weights = [first];
  for (let weight = first; weight < Math.min(cap(analysis), 100); weights.push(weight))
    weight = Math.min(weight + stepWeight, 100);
  return weights;
}

function sharedNotes({ iterations, stepWeight, stepWeights, mirror, affinity }: Analysis): string[] {
  const notes: string[] = [];
  if (iterations > 0 && (stepWeight > 0 || stepWeights.length > 0)) {
    notes.push("iterations and weights are both given, which Flagger's CRD refuses: iterations count");
  }
  if (mirror) notes.push("mirror sends requests to both versions: writes happen twice");
  if (affinity === "canary only")
    notes.push("session affinity keeps users on the new version: their share grows while a weight is held");
  return notes;
}

function ungated(place: ResourcePlace, declaredPct: number, note: string): CanaryReading {
  const everybody = { effectivePct: 100, beforeFirstGatePct: 100, gate: "none" } as const;
  return { kind: "canary", tool: TOOL, ...place, declaredPct, ...everybody, notes: [note] };
}

function unknown(place: ResourcePlace, why: string): ManifestReading & { kind: "unknown" } {
  return { kind: "unknown", why: `${place.resource}: ${why}`, line: place.line };
}
