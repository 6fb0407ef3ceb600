import { readManifest } from "../../../src/evidence/manifests/read.ts";
import type {
  BlueGreenReading,
  CanaryReading,
  ManifestReading,
  UnknownReading,
} from "../../../src/evidence/manifests/reading.ts";

/** Services and a router, so that weights are exact. */
export const ROUTED = {
  canaryService: "new",
  stableService: "old",
  trafficRouting: { nginx: { stableIngress: "web" } },
};
export const ISTIO = { trafficRouting: { istio: { destinationRule: { name: "web" } } } };

/** Steps of a canary. */
export const pause = { pause: {} };
export const timed = { pause: { duration: "10m" } };
export const analysis = { analysis: { templates: [{ templateName: "success-rate" }] } };
export const weight = (setWeight: number) => ({ setWeight });

export interface RolloutOptions {
  replicas?: unknown;
  labels?: Record<string, string>;
}

/** A Rollout as an object; YAML reads JSON. */
export function rollout(strategy: unknown, { replicas, labels = { app: "web" } }: RolloutOptions = {}): object {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web" },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels } }, strategy },
  };
}

export function flagger(spec: object): object {
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "web" }, spec };
}

export function readObjects(...objects: object[]): ManifestReading {
  return readManifest(objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(""), { file: "rollout.yaml" });
}

export function readCanarySteps(
  steps: unknown[],
  canary: object = ROUTED,
  options: RolloutOptions = {},
): ManifestReading {
  return readObjects(rollout({ canary: { ...canary, steps } }, options));
}

export function asCanary(reading: ManifestReading): CanaryReading {
  if (reading.kind !== "canary") throw new Error(`not a canary: ${JSON.stringify(reading)}`);
  return reading;
}

export function asBlueGreen(reading: ManifestReading): BlueGreenReading {
  if (reading.kind !== "blue-green") throw new Error(`not blue-green: ${JSON.stringify(reading)}`);
  return reading;
}

export function asUnknown(reading: ManifestReading): UnknownReading {
  if (reading.kind !== "unknown") throw new Error(`not unknown: ${JSON.stringify(reading)}`);
  return reading;
}

/** Declared, effective and before the first gate, to a tenth of a percent, and the gate. */
export function figures(reading: ManifestReading): string {
  const { declaredPct, effectivePct, beforeFirstGatePct, gate } = asCanary(reading);
  const [declared, effective, before] = [declaredPct, effectivePct, beforeFirstGatePct].map((pct) =>
    Number(pct.toFixed(1)),
  );
  return `${declared} → ${effective}, ${before} before ${gate}`;
}
