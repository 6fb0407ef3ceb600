import { approximatePods, surgePods } from "./argo-pods.ts";
import { readStep } from "./argo-steps.ts";
import type { CanaryStep, Experiment } from "./argo-steps.ts";
import { canaryFaults, readRouting } from "./argo-validation.ts";
import type { Routing } from "./argo-validation.ts";
import { walkSteps } from "./argo-walk.ts";
import type { ShareOf } from "./argo-walk.ts";
import { field, FieldReader } from "./fields.ts";
import type { YamlMap } from "./fields.ts";
import { percentText } from "./reading.ts";
import type { BlueGreenReading, CanaryReading, ManifestReading } from "./reading.ts";

const TOOL = "Argo Rollouts";
const STRATEGY = "spec.strategy";

/** Something in the same file that changes the number of pods of a rollout, between `least` and `most`. */
export interface Autoscaler {
  name: string;
  least: unknown;
  most: unknown;
}

export interface ResourcePlace {
  /** `Rollout/NAME`. */
  resource: string;
  line: number;
}

/**
 * What an Argo Rollouts Rollout lets users get before its first gate, as it runs from the second deploy on; the first
 * goes straight to 100% (argo-rollouts docs/features/specification.md).
 */
export function readRollout(object: YamlMap, place: ResourcePlace, autoscaler?: Autoscaler): ManifestReading {
  const reader = new FieldReader();
  const spec = reader.map(object, "spec", "spec") ?? {};
  const strategy = reader.map(spec, "strategy", STRATEGY);
  const canary = reader.map(strategy, "canary", `${STRATEGY}.canary`);
  const blueGreen = reader.map(strategy, "blueGreen", `${STRATEGY}.blueGreen`);
  if (reader.problems.length === 0 && (canary === undefined) === (blueGreen === undefined)) {
    reader.problems.push(`${STRATEGY} holds ${canary ? "both canary and blueGreen" : "neither canary nor blueGreen"}`);
  }
  const reading =
    blueGreen === undefined
      ? readCanary(spec, canary ?? {}, place, reader, autoscaler)
      : readBlueGreen(blueGreen, place, reader);
  if (reader.problems.length === 0) return reading;
  return { kind: "unknown", why: `${place.resource}: ${reader.problems.slice(0, 3).join("; ")}`, line: place.line };
}

function readCanary(
  spec: YamlMap,
  canary: YamlMap,
  place: ResourcePlace,
  reader: FieldReader,
  autoscaler: Autoscaler | undefined,
): CanaryReading {
  const path = `${STRATEGY}.canary`;
  const routing = readRouting(canary, path, reader);
  const steps = reader
    .list(canary, "steps", `${path}.steps`)
    .map((step, index) => readStep(step, `steps[${index}]`, spec, reader));
  reader.problems.push(...canaryFaults(canary, routing, steps));
  const pods = readPods(spec, canary, routing, reader, autoscaler);
  const share: ShareOf = routing.given ? routed(routing) : (weight, experiment) => pods.worst(weight, experiment).pct;
  const walk = walkSteps(steps, routing.maxWeight, share);
  const { weight, experiment } = walk.declared;
  const asked = weight + (experiment?.canaryWeight ?? 0);
  return {
    kind: "canary",
    tool: TOOL,
    ...place,
    declaredPct: walk.declaredPct,
    effectivePct: share(weight, experiment),
    beforeFirstGatePct: walk.beforeFirstGatePct,
    gate: walk.gate,
    notes: [
      ...(routing.given ? routerNotes(routing, asked) : pods.notes(asked)),
      ...walk.notes,
      ...stepNotes(steps, routing),
      ...canaryNotes(canary, steps),
    ],
  };
}

/** A router gives what is asked, experiments on top (argo-rollouts rollout/trafficrouting.go). */
function routed(routing: Routing): ShareOf {
  return (weight, experiment) =>
    Math.min((100 * (weight + (experiment?.canaryWeight ?? 0))) / Math.max(routing.maxWeight, 1), 100);
}

interface Served {
  pct: number;
  canary: number;
  total: number;
  replicas: number;
}

interface Pods {
  /** The largest share that a weight comes to, over all numbers of pods that there may be. */
  worst(weight: number, experiment?: Experiment): Served;
  notes(weight: number): string[];
}

/** Without a router the pods are the weights: `replicas` is 1 where not given (argo-rollouts utils/defaults/defaults.go). */
function readPods(
  spec: YamlMap,
  canary: YamlMap,
  routing: Routing,
  reader: FieldReader,
  autoscaler: Autoscaler | undefined,
): Pods {
  // Under a router the number of pods decides nothing, so that it may be filled in elsewhere.
  const given = routing.given ? undefined : reader.integer(spec, "replicas", "spec.replicas");
  const counts = autoscaler === undefined ? [given ?? 1] : autoscaled(autoscaler, routing, reader);
  if (counts.every((count) => count <= 0))
    reader.problems.push(`spec.replicas is ${counts[0]}: no pod answers anybody`);
  const surge = (replicas: number) => surgePods(field(canary, "maxSurge") ?? "25%", replicas) ?? 0;
  const worst: Pods["worst"] = (weight, experiment) => {
    const all = counts.map((replicas) => served(replicas, weight, surge(replicas), experiment));
    return all.reduce((most, one) => (one.pct > most.pct ? one : most));
  };
  return { worst, notes: (weight) => podNotes(worst(weight), weight, { given, autoscaler }) };
}

function served(replicas: number, weight: number, surge: number, experiment: Experiment | undefined): Served {
  const split = approximatePods(replicas, weight, 100, surge);
  const canary = split.canary + (experiment?.canaryPods ?? 0);
  const total = split.total + (experiment?.pods ?? 0);
  return { pct: total === 0 ? 0 : (100 * canary) / total, canary, total, replicas };
}

/** Every number of pods from the least to the most; beyond 1,000 the rounding is below a tenth of a percent. */
function autoscaled({ name, least, most }: Autoscaler, routing: Routing, reader: FieldReader): number[] {
  if (!isCount(least) || !isCount(most) || most < least) {
    if (!routing.given) reader.problems.push(`${name} does not say between how many pods it scales`);
    return [1];
  }
  return Array.from({ length: Math.min(most, least + 1_000) - least + 1 }, (_, index) => least + index);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function podNotes(
  { canary, total, replicas, pct }: Served,
  weight: number,
  { given, autoscaler }: { given: number | undefined; autoscaler: Autoscaler | undefined },
): string[] {
  // All of the pods is all of the users, whatever their number.
  if (weight === 100) return [];
  const notes = [
    `no traffic router: ${weight}% of ${replicas} ${replicas === 1 ? "pod" : "pods"} is ${canary} of ${total} = ${percentText(pct)}`,
  ];
  if (autoscaler !== undefined) {
    notes.push(
      `${autoscaler.name} scales between ${String(autoscaler.least)} and ${String(autoscaler.most)} pods: the largest share counts`,
    );
  } else if (given === undefined) notes.push("spec.replicas is not given: 1 pod");
  return notes;
}

function routerNotes(routing: Routing, weight: number): string[] {
  if (routing.maxWeight === 100) return [];
  return [
    `weight ${weight} of maxTrafficWeight ${routing.maxWeight} is ${percentText((100 * weight) / routing.maxWeight)}`,
  ];
}

/** What the steps do to users beside the weights: no share can be read from the file for it. */
function stepNotes(steps: readonly CanaryStep[], routing: Routing): string[] {
  return steps.flatMap(({ path, routes, experiment, kinds }) => [
    ...routes
      .filter(({ matches }) => matches)
      .map(({ kind }) =>
        kind === "setHeaderRoute"
          ? `${path}.setHeaderRoute sends everybody who matches to the new version, beside the weights`
          : `${path}.setMirrorRoute sends requests to both versions: writes happen twice`,
      ),
    ...(kinds.has("plugin") ? [`${path}.plugin is not counted as a gate: whether it waits is not in the file`] : []),
    ...(experiment !== undefined && !routing.given && experiment.canaryPods > 0
      ? [`${path}.experiment runs ${experiment.canaryPods} of ${experiment.pods} pods with the new version`]
      : []),
  ]);
}

function canaryNotes(canary: YamlMap, steps: readonly CanaryStep[]): string[] {
  const notes: string[] = [];
  if (steps.length === 0) notes.push("no steps: a plain rolling update");
  if (field(canary, "analysis") !== undefined) notes.push("the background analysis can abort, but holds no weight");
  return notes;
}

/**
 * Blue-green flips all users at once; what counts is what stands before the flip (argo-rollouts rollout/bluegreen.go,
 * needsBlueGreenControllerPause; docs/features/bluegreen.md).
 */
function readBlueGreen(blueGreen: YamlMap, place: ResourcePlace, reader: FieldReader): BlueGreenReading {
  const path = `${STRATEGY}.blueGreen`;
  const active = reader.text(blueGreen, "activeService", `${path}.activeService`) ?? "";
  const preview = reader.text(blueGreen, "previewService", `${path}.previewService`) ?? "";
  if (active === "" || active === preview)
    reader.problems.push(`${path} needs an activeService, and another previewService`);
  const automatic = reader.boolean(blueGreen, "autoPromotionEnabled", `${path}.autoPromotionEnabled`) ?? true;
  const seconds = reader.integer(blueGreen, "autoPromotionSeconds", `${path}.autoPromotionSeconds`) ?? 0;
  const analysed = reader.map(blueGreen, "prePromotionAnalysis", `${path}.prePromotionAnalysis`) !== undefined;
  const notes: string[] = [];
  if (preview === "") notes.push("no previewService: nothing leads to the new version before everybody gets it");
  if (!automatic && seconds > 0) notes.push("autoPromotionSeconds is ignored where autoPromotionEnabled is false");
  if (field(blueGreen, "postPromotionAnalysis") !== undefined) {
    notes.push("postPromotionAnalysis runs when everybody has the new version already");
  }
  const gate = !automatic ? "person" : analysed ? "analysis" : seconds > 0 ? "timed" : "none";
  notes.unshift(GATE_NOTES[gate](seconds));
  return { kind: "blue-green", tool: TOOL, ...place, gate, notes };
}

const GATE_NOTES = {
  person: () => "promoted by a person",
  analysis: () => "promoted after prePromotionAnalysis",
  timed: (seconds: number) => `promoted by itself after ${seconds} s`,
  none: () => "promoted by itself at once: from 0 to 100% with nothing before it",
};
