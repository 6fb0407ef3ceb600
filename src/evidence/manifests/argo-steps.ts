import { field, isMap } from "./fields.ts";
import type { FieldReader, YamlMap } from "./fields.ts";
import type { Gate } from "./reading.ts";

/** The new version's part in an experiment, beside the rollout's own weight. */
export interface Experiment {
  /** Weight that a router sends to the new version; of `maxTrafficWeight`. */
  canaryWeight: number;
  /** Whether any template has a weight, also one of the old version. */
  weighted: boolean;
  /** Pods that answer users where no router stands before them: those of the new version, and all. */
  canaryPods: number;
  pods: number;
}

/** One item of `canary.steps`, with what it does to traffic and what it waits for. */
export interface CanaryStep {
  path: string;
  /** Of `maxTrafficWeight`, 100 where that is not given. */
  setWeight: number | undefined;
  experiment: Experiment | undefined;
  gate: Gate;
  /** The gate in words. */
  gateText: string;
  /** The kinds of step that this item holds. */
  kinds: ReadonlySet<StepKind>;
  /** The route that `setHeaderRoute` or `setMirrorRoute` names, and whether it matches anybody. */
  routes: { kind: "setHeaderRoute" | "setMirrorRoute"; name: string; matches: boolean }[];
}

/** The kinds that a step can be (argo-rollouts pkg/apis/rollouts/v1alpha1/types.go, CanaryStep). */
const KINDS = [
  "setWeight",
  "pause",
  "experiment",
  "analysis",
  "setCanaryScale",
  "setHeaderRoute",
  "setMirrorRoute",
  "plugin",
] as const;
export type StepKind = (typeof KINDS)[number];

/** Reads one item of `canary.steps`; whatever has another type than Argo's becomes a problem of the reader. */
export function readStep(raw: unknown, path: string, rollout: YamlMap, reader: FieldReader): CanaryStep {
  if (!isMap(raw)) reader.problems.push(`${path} is not a map`);
  const kinds = new Set(KINDS.filter((kind) => field(raw, kind) !== undefined));
  const setWeight = reader.integer(raw, "setWeight", `${path}.setWeight`);
  const pause = readPause(raw, `${path}.pause`, reader);
  const { experiment, wait } = readExperiment(raw, `${path}.experiment`, rollout, reader);
  const analysis = reader.map(raw, "analysis", `${path}.analysis`);
  for (const kind of ["setCanaryScale", "plugin"]) reader.map(raw, kind, `${path}.${kind}`);
  const gate = holds(kinds, pause, wait, analysis);
  const routes = (["setHeaderRoute", "setMirrorRoute"] as const).flatMap((kind) => {
    const route = reader.map(raw, kind, `${path}.${kind}`);
    if (route === undefined) return [];
    const matches = kind === "setMirrorRoute" || reader.list(route, "match", `${path}.${kind}.match`).length > 0;
    return [{ kind, name: reader.text(route, "name", `${path}.${kind}.name`) ?? "", matches }];
  });
  return { path, setWeight, experiment, ...gate, kinds, routes };
}

interface Wait {
  gate: Gate;
  gateText: string;
}

const NO_WAIT: Wait = { gate: "none", gateText: "" };

/**
 * What the step waits for. In Argo's order: where an item holds several kinds, the first of these decides when it is done
 * (argo-rollouts rollout/canary.go, completedCurrentCanaryStep), so an analysis beside setCanaryScale holds nothing.
 */
function holds(kinds: ReadonlySet<StepKind>, pause: Wait, experiment: Wait, analysis: YamlMap | undefined): Wait {
  if (kinds.has("pause")) return pause;
  if (kinds.has("setCanaryScale") || kinds.has("setWeight")) return NO_WAIT;
  if (kinds.has("experiment")) return experiment;
  return analysis === undefined ? NO_WAIT : { gate: "analysis", gateText: "an analysis" };
}

function readPause(raw: unknown, path: string, reader: FieldReader): Wait {
  const pause = reader.map(raw, "pause", path);
  if (pause === undefined) return NO_WAIT;
  const duration = field(pause, "duration");
  if (duration === undefined) return { gate: "person", gateText: "a pause until a person promotes" };
  const seconds = pauseSeconds(duration);
  if (seconds === undefined || seconds < 0) {
    reader.problems.push(`${path}.duration is ${JSON.stringify(duration)}, not a time that Argo reads`);
    return NO_WAIT;
  }
  // Under a second Argo counts 0 seconds, and goes on at once.
  return seconds === 0 ? NO_WAIT : { gate: "timed", gateText: `a pause of ${seconds} s` };
}

const GO_UNITS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Whole seconds of a pause: a number is seconds, text a number or a Go duration (pkg/apis/rollouts/v1alpha1/types.go). */
export function pauseSeconds(duration: unknown): number | undefined {
  if (typeof duration === "number") return Number.isSafeInteger(duration) ? duration : undefined;
  if (typeof duration !== "string") return undefined;
  if (/^[+-]?\d+$/.test(duration)) return Number(duration);
  const parts = [...duration.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== duration.replace(/^\+/, "")) return undefined;
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (GO_UNITS[unit ?? ""] ?? 0), 0);
  return Math.trunc(seconds);
}

/**
 * An experiment step blocks until it ends: its analyses can fail it, its duration ends it, and without either only a
 * person does (argo-rollouts docs/features/experiment.md).
 */
function readExperiment(raw: unknown, path: string, rollout: YamlMap, reader: FieldReader) {
  const step = reader.map(raw, "experiment", path);
  if (step === undefined) return { experiment: undefined, wait: NO_WAIT };
  const experiment: Experiment = { canaryWeight: 0, weighted: false, canaryPods: 0, pods: 0 };
  for (const [index, template] of reader.list(step, "templates", `${path}.templates`).entries()) {
    addTemplate(experiment, template, `${path}.templates[${index}]`, rollout, reader);
  }
  return { experiment, wait: experimentWait(step, path, reader) };
}

function experimentWait(step: YamlMap, path: string, reader: FieldReader): Wait {
  if (reader.list(step, "analyses", `${path}.analyses`).length > 0) {
    return { gate: "analysis", gateText: "an experiment with analyses" };
  }
  if (field(step, "duration") === undefined) {
    return { gate: "person", gateText: "an experiment until a person ends it" };
  }
  return { gate: "timed", gateText: `an experiment of ${String(field(step, "duration"))} without analyses` };
}

function addTemplate(sum: Experiment, template: unknown, path: string, rollout: YamlMap, reader: FieldReader): void {
  const specRef = reader.text(template, "specRef", `${path}.specRef`);
  if (specRef !== "canary" && specRef !== "stable")
    reader.problems.push(`${path}.specRef is neither canary nor stable`);
  const weight = reader.integer(template, "weight", `${path}.weight`);
  if (weight !== undefined && weight < 0) reader.problems.push(`${path}.weight is below 0`);
  const pods = isServed(template, rollout)
    ? Math.max(reader.integer(template, "replicas", `${path}.replicas`) ?? 1, 0)
    : 0;
  sum.weighted ||= weight !== undefined;
  sum.pods += pods;
  if (specRef !== "canary") return;
  sum.canaryWeight += weight ?? 0;
  sum.canaryPods += pods;
}

/**
 * Whether a Service of the rollout also finds an experiment's pods: they carry the rollout's labels unless the template
 * replaces one (argo-rollouts rollout/experiment.go, GetExperimentFromTemplate).
 */
function isServed(template: unknown, rollout: YamlMap): boolean {
  const own = field(field(template, "metadata"), "labels");
  const selected = field(field(rollout, "selector"), "matchLabels");
  const podLabels = field(field(field(rollout, "template"), "metadata"), "labels");
  const differs = (labels: unknown, key: string) => {
    const theirs = field(labels, key);
    return theirs !== undefined && theirs !== field(own, key);
  };
  return !(isMap(own) && Object.keys(own).some((key) => differs(selected, key) || differs(podLabels, key)));
}
