import { readRollout } from "./argo.ts";
import type { Autoscaler } from "./argo.ts";
import { isObject, isUnread, readDocuments } from "./documents.ts";
import type { ManifestObject, UnreadDocument } from "./documents.ts";
import { field, textField } from "./fields.ts";
import type { YamlMap } from "./fields.ts";
import { readCanary } from "./flagger.ts";
import { apiGroup, foreignFormat } from "./foreign.ts";
import type { ManifestReading } from "./reading.ts";

export interface ManifestOptions {
  /** How messages call the file. */
  file: string;
  /** `Rollout/NAME` or `Canary/NAME`: which one, where the file holds several. */
  resource?: string;
}

interface Candidate {
  /** `Rollout/NAME`; only the kind is known of a document that could not be read. */
  resource: string;
  read: () => ManifestReading;
}

/**
 * What a deployment manifest lets users get of a new version before anything can hold it. The controller's own object
 * (Argo Rollout, Flagger Canary) comes first: a mesh object beside it shows the traffic at rest, not the first step.
 */
export function readManifest(text: string, options: ManifestOptions): ManifestReading {
  const documents = readDocuments(text);
  const unread = documents.filter(isUnread);
  const objects = documents.filter(isObject);
  const candidates = [
    ...objects.flatMap((document) => controller(document, objects)),
    ...unread.flatMap((document) => hiddenController(document, options.file)),
  ];
  if (options.resource !== undefined) return named(options.resource, candidates, objects, options.file);
  const [only, ...others] = candidates;
  if (only === undefined) return withoutController(objects, unread, options.file);
  if (others.length === 0) return only.read();
  return { kind: "unknown", why: `${candidates.length} rollouts in ${options.file}: name one with canary.resource` };
}

function controller({ object, line }: ManifestObject, objects: ManifestObject[]): Candidate[] {
  const kind = controllerKind(object);
  if (kind === undefined) return [];
  const name = textField(field(object, "metadata"), "name") ?? "?";
  const place = { resource: `${kind}/${name}`, line };
  const read = () =>
    kind === "Rollout" ? readRollout(object, place, autoscaler(name, objects)) : readCanary(object, place);
  return [{ resource: place.resource, read }];
}

/** A document that could not be parsed is a candidate all the same where it was going to be one. */
function hiddenController(document: UnreadDocument, file: string): Candidate[] {
  const { text } = document;
  const says = (group: string, kind: string) =>
    new RegExp(`apiVersion:\\s*["']?${group}/`).test(text) && new RegExp(`kind:\\s*["']?${kind}\\b`).test(text);
  const kind = says("argoproj\\.io", "Rollout") ? "Rollout" : says("flagger\\.app", "Canary") ? "Canary" : undefined;
  return kind === undefined ? [] : [{ resource: `${kind}/?`, read: () => unreadable(document, file) }];
}

function controllerKind(object: YamlMap): "Rollout" | "Canary" | undefined {
  const group = apiGroup(object);
  const kind = field(object, "kind");
  if (group === "argoproj.io" && kind === "Rollout") return kind;
  return group === "flagger.app" && kind === "Canary" ? kind : undefined;
}

function named(resource: string, candidates: Candidate[], objects: ManifestObject[], file: string): ManifestReading {
  const [only, ...others] = candidates.filter((one) => one.resource === resource);
  if (others.length > 0)
    return { kind: "unknown", why: `${others.length + 1} resources in ${file} are called ${resource}` };
  if (only !== undefined) return only.read();
  const foreign = firstForeign(objects.filter(({ object }) => resourceName(object) === resource));
  if (foreign !== undefined) return foreign;
  const hidden = candidates.find((one) => one.resource === `${resource.split("/")[0]}/?`);
  if (hidden !== undefined) return hidden.read();
  const present = candidates.map((one) => one.resource).join(", ");
  return {
    kind: "unknown",
    why: `${resource} is not in ${file}, which holds ${present || "no Rollout and no Canary"}`,
  };
}

function withoutController(objects: ManifestObject[], unread: UnreadDocument[], file: string): ManifestReading {
  const foreign = firstForeign(objects);
  if (foreign !== undefined) return foreign;
  const [hidden] = unread;
  if (hidden !== undefined) return unreadable(hidden, file);
  return { kind: "none", why: `no Rollout and no Canary in ${file}` };
}

function firstForeign(objects: ManifestObject[]): ManifestReading | undefined {
  for (const { object, line } of objects) {
    const format = foreignFormat(object);
    if (format !== undefined) return { kind: "unknown", why: `${format} is not read yet`, line };
  }
  return undefined;
}

function unreadable({ why, line }: UnreadDocument, file: string): ManifestReading {
  return { kind: "unknown", why: `${file}, from line ${line}: ${why}`, line };
}

function resourceName(object: YamlMap): string {
  return `${String(field(object, "kind"))}/${String(field(field(object, "metadata"), "name"))}`;
}

/** Least and most pods by default, of Kubernetes' HorizontalPodAutoscaler and of KEDA's ScaledObject. */
const AUTOSCALERS = {
  HorizontalPodAutoscaler: { least: "minReplicas", most: "maxReplicas", defaults: { least: 1, most: undefined } },
  ScaledObject: { least: "minReplicaCount", most: "maxReplicaCount", defaults: { least: 0, most: 100 } },
} as const;

/** What in the same file sets the number of pods of a rollout: then `spec.replicas` says nothing. */
function autoscaler(rollout: string, objects: ManifestObject[]): Autoscaler | undefined {
  for (const { object } of objects) {
    const kind = field(object, "kind");
    if (kind !== "HorizontalPodAutoscaler" && kind !== "ScaledObject") continue;
    const spec = field(object, "spec");
    const target = field(spec, "scaleTargetRef");
    if (field(target, "kind") !== "Rollout" || field(target, "name") !== rollout) continue;
    const { least, most, defaults } = AUTOSCALERS[kind];
    const name = resourceName(object);
    return { name, least: field(spec, least) ?? defaults.least, most: field(spec, most) ?? defaults.most };
  }
  return undefined;
}
