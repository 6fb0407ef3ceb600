import { DEFAULT_POLICY } from "../../src/audit/policy.ts";
import type { JudgeContext, Judgement, Policy } from "../../src/audit/check.ts";
import { absent, type Evidence, type Fact, failed, found, type Level } from "../../src/audit/fact.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import type { DrillStanding, StandingDrill } from "../../src/drill/standing.ts";
import type { BreakerFigures } from "../../src/evidence/breaker-figures.ts";
import type {
  ActionFacts,
  BreakerFacts,
  BreakerRehearsalFacts,
  CanaryFacts,
  Facts,
  FactValues,
  FallbackFacts,
  KillSample,
  KillSwitchFacts,
  RecordsFacts,
  RehearsalFacts,
  ScriptFacts,
} from "../../src/evidence/facts.ts";

/** Facts of an agent that passes every check. A test changes one thing of them. */

/** 22 November 2026, 06:00 UTC. */
export const NOW = Date.UTC(2026, 10, 22, 6);
export const DAY_MS = 86_400_000;
export const FALLBACK_TEXT = "Changes are paused. Nothing was changed; a colleague will write to you today.";

export function contextOf(policy: Partial<Policy> = {}, now: number = NOW): JudgeContext {
  return { policy: { ...DEFAULT_POLICY, ...policy }, now };
}

export function evidenceOf(level: Level, fact = "seen"): Evidence {
  return { level, source: "a test", fact, at: new Date(NOW).toISOString() };
}

/** A fact that was found, with one piece of evidence of that level. */
export function factOf<T>(value: T, level: Level = "probed"): Fact<T> {
  return found(value, [evidenceOf(level)]);
}

export const notThere = (why = "not configured"): Fact<never> => absent(why);
export const broken = (why = "connection refused"): Fact<never> => failed(why);

export function goodKillSwitch(changes: Partial<KillSwitchFacts> = {}): KillSwitchFacts {
  return {
    status: { answered: true, stopped: false, source: "GET http://127.0.0.1:4200/state" },
    commonOrigins: [],
    sharedCredentials: [],
    credentialsUnlisted: null,
    deployTool: null,
    hosts: { common: [], unresolved: null },
    bench: false,
    hostsKnown: true,
    kind: null,
    newest: null,
    ...changes,
  };
}

export function goodSample(changes: Partial<KillSample> = {}): KillSample {
  const mark = changes.mark ?? "clawproof-7f3a91";
  const refusal = { status: 503, text: FALLBACK_TEXT, source: "POST http://127.0.0.1:4100/accounts/drill/notes" };
  const entry = { at: NOW, by: "kim@laptop", reason: `rehearsal ${mark}`, scope: "drill/subscription-support" };
  return {
    mark,
    scope: "drill/subscription-support",
    activator: "kim@laptop",
    activatedAt: NOW,
    answeredAfterMs: 12,
    stop: { state: "stopped", ms: 3_960 },
    resolutionMs: 52,
    acceptedAfterAnswer: 78,
    instances: { expected: null, stopped: 1, names: [] },
    reads: { sent: 12, accepted: 12, firstFailure: null },
    refusal,
    user: null,
    undescribedError: null,
    number: null,
    obedience: null,
    log: { entry },
    alert: { afterMs: 400, source: "GET http://127.0.0.1:4300/received" },
    releaseAsAgent: { refused: true, accepted: false, stillStopped: true, controlAccepted: true, why: "answered 403" },
    workUnderWay: "not observed",
    backAfterMs: 4_100,
    kind: "deny",
    ...changes,
  };
}

/** A rehearsal of these samples; one good one where none is given. */
export function goodRehearsal(...samples: KillSample[]): RehearsalFacts {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  return { samples: samples.length > 0 ? samples : [goodSample()], firstTrace: trace };
}

export function goodFigures(changes: Partial<BreakerFigures> = {}): BreakerFigures {
  return {
    errorRatePct: 15,
    anomalyRatePct: 10,
    volumeSpikeFactor: 3,
    windowMs: 300_000,
    enabled: true,
    readFrom: {},
    problems: [],
    ...changes,
  };
}

export function goodBreaker(changes: Partial<BreakerFigures> = {}): BreakerFacts {
  return { figures: goodFigures(changes), level: "inspected" };
}

export function goodBreakerRehearsal(changes: Partial<BreakerRehearsalFacts> = {}): BreakerRehearsalFacts {
  const reads = { sent: 3, accepted: 3, firstFailure: null };
  return { writesRefused: true, writesAccepted: 0, reads, backAfterMs: 300, ...changes };
}

export const WRITES = ["subscription_update", "email_send", "db_update"] as const;

export function goodActions(changes: Partial<ActionFacts> = {}): ActionFacts {
  const writes = WRITES.map((type) => actionOf(type));
  return { types: [actionOf("account_lookup", "read"), ...writes], inventoryRead: false, ...changes };
}

export function actionOf(
  type: string,
  effect: "read" | "write" = "write",
  irreversible: string | null = null,
): ActionFacts["types"][number] {
  return { type, effect, irreversible, sources: ["declared"] };
}

export function goodRecords(types: RecordsFacts["types"] = WRITES.map((type) => recordsOf(type))): RecordsFacts {
  return { types, source: "sqlite:agent.db rollback_records" };
}

/** Forty records of a type, all complete. */
export function recordsOf(type: string, total = 40, lacking: { what: string; count: number }[] = []) {
  return { type, total, lacking };
}

export function goodScript(changes: Partial<ScriptFacts> = {}): ScriptFacts {
  return {
    by: "script",
    listed: { types: [...WRITES] },
    takesTrace: true,
    takesWindow: true,
    dryRun: { state: "seen", types: [...WRITES], runs: ["node scripts/rollback.mjs --dry-run"] },
    ...changes,
  };
}

type Canary = Extract<CanaryFacts["reading"], { kind: "canary" }>;
export function goodCanary(changes: Partial<Canary> = {}): CanaryFacts {
  const figures = { declaredPct: 5, effectivePct: 5, beforeFirstGatePct: 5, gate: "person" } as const;
  const place = { tool: "Argo Rollouts", resource: "Rollout/subscription-support", line: 1, notes: [] };
  return { reading: { kind: "canary", ...place, ...figures, ...changes } };
}

export function goodFallback(text: string = FALLBACK_TEXT): FallbackFacts {
  return { text, source: "agent/fallback.md" };
}

/** A line of a drill that held and ended so many days before NOW. */
export function goodLine(daysAgo = 12, changes: Partial<DrillLine> = {}): DrillLine {
  const endedAt = NOW - daysAgo * DAY_MS;
  return {
    schema: "clawproof/drill@1",
    agent: "subscription-support",
    version: "2.4.1",
    environment: null,
    scope: "drill/subscription-support",
    mark: "clawproof-91c0de",
    startedAt: new Date(endedAt - 30_000).toISOString(),
    endedAt: new Date(endedAt).toISOString(),
    stop: { ms: 3_800, resolutionMs: 52, acceptedAfterAnswer: 70 },
    reads: { sent: 12, accepted: 12 },
    user: FALLBACK_TEXT,
    alertAfterMs: 400,
    undone: WRITES.map((type) => ({ type, equal: true, ms: 120 })),
    breaker: null,
    troubles: [],
    faults: [],
    switch: { series: "a", epochs: [1, 2], entry: "e1" },
    releasedAfterMs: 4_100,
    by: "kim@laptop",
    verdict: { held: true, why: null },
    digest: "d",
    previous: "",
    hash: "h",
    ...changes,
  };
}

export function goodDrill(daysAgo = 12, changes: Partial<DrillLine> = {}): StandingDrill {
  const proof = "held against the switch's log";
  return { line: goodLine(daysAgo, changes), lineNumber: 1, verifiable: true, proof };
}

/** A drill log with these drills; one good one of twelve days ago where none is given. */
export function goodDrills(...drills: StandingDrill[]): DrillStanding {
  const held = drills.length > 0 ? drills : [goodDrill()];
  return {
    drills: held,
    ignored: [],
    brokenAt: null,
    unaccounted: [],
    source: ".clawproof/drills.jsonl",
    unit: "line",
  };
}

/** All facts of an agent that passes all ten. */
export function goodFacts(): { [Name in keyof FactValues]: Fact<FactValues[Name]> } & Facts {
  return {
    killSwitch: factOf(goodKillSwitch()),
    rehearsal: factOf(goodRehearsal()),
    breaker: factOf(goodBreaker(), "inspected"),
    breakerRehearsal: factOf(goodBreakerRehearsal()),
    actions: factOf(goodActions(), "declared"),
    records: factOf(goodRecords(), "inspected"),
    script: factOf(goodScript()),
    canary: factOf(goodCanary(), "inspected"),
    fallback: factOf(goodFallback(), "inspected"),
    drills: factOf(goodDrills(), "drilled"),
  };
}

/** A judgement as the report would print it; an unknown is marked. */
export function said({ verdict, unknown, message }: Judgement): string {
  return `[${verdict.toUpperCase()}]${unknown ? " (unknown)" : ""} ${message}`;
}
