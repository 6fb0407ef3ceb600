import { absent, failed, found, withheld } from "../audit/fact.ts";
import { contextOf } from "../doors/context.ts";
import type { Gather } from "./gathering.ts";
import { readManifest } from "./manifests/read.ts";
import type { ManifestReading } from "./manifests/reading.ts";
import { percentText } from "./manifests/reading.ts";

/** What share of users gets a new version first, from the manifest that the deployment tool reads. */
export const gatherCanary: Gather<"canary"> = async ({ project, mode, clock, signal }) => {
  const canary = project.config.canary;
  if (!canary) return absent("canary is not configured", project.where([]));
  const place = project.where(["canary", "manifest"]);
  const { isOffline, readSource, SourceFailed } = await import("../doors/source.ts");
  if (mode === "offline" && !isOffline(canary.manifest)) return withheld("--offline opens no connection", place);
  try {
    const read = await readSource(canary.manifest, contextOf(project, {}, { signal }));
    const options = canary.resource === undefined ? {} : { resource: canary.resource };
    const reading = readManifest(read.text, { file: read.shown, ...options });
    if (reading.kind === "none") return absent(reading.why, place);
    // A manifest that stands in clawproof.yaml, or that somebody answered, has no lines that a person could open.
    const line = read.location ? (reading.line ?? read.location.line) : undefined;
    const source = line === undefined ? read.shown : `${read.shown}:${line}`;
    const at = new Date(clock.now()).toISOString();
    const level = read.level;
    const evidence = [sentence(reading), ...notes(reading)].map((fact) => ({ level, source, fact, at }));
    const where = read.location && line !== undefined ? { ...read.location, line } : place;
    return found({ reading }, evidence, where);
  } catch (error) {
    if (error instanceof SourceFailed) return failed(error.why, place);
    throw error;
  }
};

type Reading = Exclude<ManifestReading, { kind: "none" }>;

const GATES = { person: "a person", timed: "a pause", analysis: "an analysis", none: "nothing" };

function sentence(reading: Reading): string {
  if (reading.kind === "unknown") return reading.why;
  const gate = GATES[reading.gate];
  if (reading.kind === "blue-green") return `${reading.resource}: a preview, held back by ${gate}`;
  const { resource, declaredPct, effectivePct, beforeFirstGatePct } = reading;
  return `${resource}: declared ${percentText(declaredPct)}, effective ${percentText(effectivePct)}, ${percentText(beforeFirstGatePct)} before the first gate (${gate})`;
}

const notes = (reading: Reading): string[] => (reading.kind === "unknown" ? [] : reading.notes);
