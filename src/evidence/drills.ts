import { absent, type Evidence, failed, found, withheld } from "../audit/fact.ts";
import type { DrillStanding, StandingDrill } from "../drill/standing.ts";
import type { Gather } from "./gathering.ts";

/** What the drill log says of this agent in this environment, each line held against the switch's own log or a signature. */
export const gatherDrills: Gather<"drills"> = async ({ project, mode, clock, signal, activator }) => {
  const [{ readStanding }, { StoreFailed }] = await Promise.all([
    import("../drill/read-standing.ts"),
    import("../drill/store.ts"),
  ]);
  try {
    const { location, ...standing } = await readStanding({
      project,
      clock,
      signal,
      activator,
      offline: mode === "offline",
    });
    return found<DrillStanding>(
      standing,
      standing.drills.map((drill) => evidenceOf(drill, standing)),
      location,
    );
  } catch (error) {
    if (!(error instanceof StoreFailed)) throw error;
    return { absent, failed, withheld }[error.state](error.message, error.location);
  }
};

function evidenceOf({ line, verifiable, proof }: StandingDrill, { source, brokenAt }: DrillStanding): Evidence {
  const believed = verifiable === true && brokenAt === null;
  const doubt = verifiable === true ? (proof ?? "") : `not verifiable: ${verifiable.why}`;
  const held = line.verdict.held ? "held" : "did not hold";
  return {
    level: believed ? "drilled" : "declared",
    source,
    fact: `drill ${line.mark} ${held}; ${doubt}`,
    at: line.endedAt,
  };
}
