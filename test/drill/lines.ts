import type { NewDrillLine } from "../../src/drill/log.ts";
import { digestOfMeasured } from "../../src/drill/verify.ts";

/** A drill that held; what a test changes of it is covered by its digest again. */
export function drillOf(changes: Partial<NewDrillLine> = {}): NewDrillLine {
  const line: NewDrillLine = {
    schema: "clawproof/drill@1",
    agent: "subscription-support",
    version: "2.4.1",
    environment: null,
    scope: "drill/subscription-support",
    mark: "clawproof-7f3a91",
    startedAt: "2026-11-10T06:00:00.000Z",
    endedAt: "2026-11-10T06:00:30.000Z",
    stop: { ms: 3_800, resolutionMs: 52, acceptedAfterAnswer: 70 },
    reads: { sent: 12, accepted: 12 },
    user: "Changes are paused.",
    alertAfterMs: 400,
    undone: [{ type: "db_update", equal: true, ms: 120 }],
    breaker: null,
    troubles: [],
    faults: [],
    switch: { series: null, epochs: [], entry: null },
    releasedAfterMs: 4_100,
    by: "kim@laptop",
    verdict: { held: true, why: null },
    digest: "",
    ...changes,
  };
  return { ...line, digest: changes.digest ?? digestOfMeasured(line) };
}
