import { absent, failed, found, withheld } from "../audit/fact.ts";
import { contextOf } from "../doors/context.ts";
import type { Gather } from "./gathering.ts";

const SHOWN_CHARACTERS = 200;

/** The text that users of a stopped agent are meant to read. */
export const gatherFallback: Gather<"fallback"> = async ({ project, mode, clock, signal }) => {
  const fallback = project.config.fallback;
  if (!fallback) return absent("fallback is not configured", project.where([]));
  const place = project.where(["fallback", "template"]);
  const { isOffline, readSource, SourceFailed } = await import("../doors/source.ts");
  if (mode === "offline" && !isOffline(fallback.template)) return withheld("--offline opens no connection", place);
  try {
    const { text, shown, location, level } = await readSource(fallback.template, contextOf(project, {}, { signal }));
    const folded = text.replace(/\s+/g, " ").trim();
    const fact = `the template reads: ${folded.slice(0, SHOWN_CHARACTERS)}${folded.length > SHOWN_CHARACTERS ? "…" : ""}`;
    const at = new Date(clock.now()).toISOString();
    return found({ text, source: shown }, [{ level, source: shown, fact, at }], location ?? place);
  } catch (error) {
    if (error instanceof SourceFailed) return failed(error.why, place);
    throw error;
  }
};
