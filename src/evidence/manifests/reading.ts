/** What makes a rollout wait: a person who says go on, a time that passes, an analysis that can stop it, or nothing. */
export type Gate = "person" | "timed" | "analysis" | "none";

/**
 * How a deployment manifest lets a new version reach users. Percentages are 0 to 100 and exact; `line` counts from 1 and
 * is where the resource begins; `notes` are sentences for a person.
 */
export type ManifestReading =
  | {
      kind: "canary";
      tool: string;
      /** `Rollout/NAME` or `Canary/NAME`. */
      resource: string;
      line: number;
      /** The first share that the file asks for. */
      declaredPct: number;
      /** What that share comes to, pods being whole. */
      effectivePct: number;
      /** The highest share that users get before anything can hold the rollout: 100 where nothing ever does. */
      beforeFirstGatePct: number;
      /** What holds it there. */
      gate: Gate;
      notes: string[];
    }
  | {
      kind: "blue-green";
      tool: string;
      resource: string;
      line: number;
      /** What stands between the preview and all users at once. */
      gate: Gate;
      notes: string[];
    }
  | { kind: "unknown"; why: string; line?: number }
  /** Nothing there shifts traffic. */
  | { kind: "none"; why: string };

export type CanaryReading = Extract<ManifestReading, { kind: "canary" }>;
export type BlueGreenReading = Extract<ManifestReading, { kind: "blue-green" }>;
export type UnknownReading = Extract<ManifestReading, { kind: "unknown" }>;

/** Percent for a person, one decimal at most: 33.333… is `33.3%`. */
export function percentText(pct: number): string {
  return `${Number(pct.toFixed(1))}%`;
}
