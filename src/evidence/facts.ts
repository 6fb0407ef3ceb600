import type { Fact } from "../audit/fact.ts";
import type { BreakerFigures } from "./breaker-figures.ts";
import type { ManifestReading } from "./manifests/reading.ts";
import type { DrillStanding } from "../drill/standing.ts";

/** How the switch stops an agent (peers.md, T31): a report must say which. */
export type StopKind = "deny" | "abort" | "terminate" | "revoke" | "contain";

/** The switch as configured and as it answers, without anything being pulled. */
export interface KillSwitchFacts {
  /** What `status` answered; `missing` where a secret it needs is not set (then nothing can be said). */
  status:
    | { answered: true; stopped: boolean | null; source: string }
    | { answered: false; why: string; source: string }
    | { answered: null; why: string; source: string };
  /** Origins (scheme, host, port) that the agent and the switch have in common. */
  commonOrigins: string[];
  /** Secrets that both run with: the same name, or two names with one value. Never values. */
  sharedCredentials: string[];
  /** Whose list of credentials is missing or empty, in words; null where both are given. */
  credentialsUnlisted: string | null;
  /** The deploy tool that `activate` would run (`kubectl`, `helm`, a CI dispatch, …); null where it is a call. */
  deployTool: string | null;
  /** Resolved addresses of both; `unresolved` says which name could not be looked up. */
  hosts: { common: string[]; unresolved: string | null };
  /** `bench: true`: all on one machine on purpose. */
  bench: boolean;
  /** Whether both sides have a host at all (a command has none): null where the agent's or the switch's is unknown. */
  hostsKnown: boolean;
  /** From the configuration (`killSwitch.kind`, or `terminate` where `restart` is given); null: only a rehearsal can tell. */
  kind: StopKind | null;
  /** The newest order of a switch of ours, as its status names it; null for any other. */
  newest: OrderNumber | null;
}

/** What names an order for good on a switch of ours. */
export interface OrderNumber {
  series: string;
  epoch: number;
}

/** Of the instances that a switch of ours knows, those that had applied the order when it was asked. */
export interface Obedience {
  known: number;
  obeyed: number;
  /** Names of the others: not yet, and not heard of for longer than their lease. */
  pending: string[];
  silent: string[];
  source: string;
}

/** An entry of the switch's own log, read through `killSwitch.log`. Times are epoch milliseconds. */
export interface SwitchLogEntry {
  at: number | null;
  by: string | null;
  reason: string | null;
  scope: string | null;
  /** The digest that a drill's release carries, where the log has a place of its own for it: a switch of ours. */
  evidence?: string;
  /** On a switch of ours: the order's epoch, and the hash of the entry. */
  own?: { epoch: number | null; hash: string | null };
}

/** When writes ended, seen from outside. Milliseconds since the activation was sent. */
export type StopOutcome =
  { state: "stopped"; ms: number } | { state: "not-stopped"; afterMs: number } | { state: "unknown"; why: string };

/** One pull of the switch, as measured (contract, section 2.4). */
export interface KillSample {
  mark: string;
  scope: string;
  activator: string;
  /** Epoch milliseconds when the activation was sent. */
  activatedAt: number;
  /** How long the switch took to answer the activation. */
  answeredAfterMs: number;
  stop: StopOutcome;
  /** Longest gap between probe writes: the figure's uncertainty. */
  resolutionMs: number;
  /** Probe writes accepted although sent after the switch had answered. */
  acceptedAfterAnswer: number;
  /** `expected` is null where `agent.instances` or `probes.instance` is missing: then they were not told apart. */
  instances: { expected: number | null; stopped: number; names: string[] };
  reads: { sent: number; accepted: number; firstFailure: string | null };
  /** How a stopped agent refused the probe write; null where nothing was refused. */
  refusal: UserAnswer | null;
  /** What a user of the stopped agent read (`probes.user`); null where that is not configured or was not reached. */
  user: UserAnswer | { why: string } | null;
  /** A 5xx from the stopped agent that `refused` does not describe; its status. */
  undescribedError: number | null;
  /** The order's number on a switch of ours; null on any other. The same for `obedience`. */
  number: OrderNumber | null;
  /** Read at the end of the stop, before the release. */
  obedience: Obedience | { why: string; source: string } | null;
  /** `missing`: looked for and not there, or nowhere configured to look. `unread`: it could not be read. The same for `alert`. */
  log: { entry: SwitchLogEntry } | { missing: string } | { unread: string };
  alert: { afterMs: number; source: string } | { missing: string } | { unread: string };
  releaseAsAgent: {
    /** 401 or 403, or what `expect` describes as a refusal. */
    refused: boolean;
    /** The switch took it as a release. */
    accepted: boolean;
    stillStopped: boolean;
    controlAccepted: boolean;
    why: string;
  } | null;
  workUnderWay: "observed" | "not observed";
  /** Milliseconds from sending the release until writes were accepted again; null where they were not within 60 s. */
  backAfterMs: number | null;
  /** Kind of stop that was seen. */
  kind: StopKind;
}

export interface UserAnswer {
  /** HTTP status, or the exit status of a command; null where the connection was gone. */
  status: number | null;
  /** The words in it: JSON decoded, white space folded, cut at 2,000 characters. */
  text: string;
  source: string;
}

export interface RehearsalFacts {
  samples: KillSample[];
  /** The trace ID of the first probe write that was accepted. */
  firstTrace: string;
}

export interface BreakerFacts {
  figures: BreakerFigures;
  /** `inspected` where they were read from a source, `declared` where clawproof.yaml merely says them. */
  level: "declared" | "inspected";
}

export interface BreakerRehearsalFacts {
  /** Whether writes were refused within 10 s of opening and none was accepted in the 2 s after. */
  writesRefused: boolean;
  /** Probe writes accepted in those 2 s. */
  writesAccepted: number;
  reads: { sent: number; accepted: number; firstFailure: string | null };
  backAfterMs: number | null;
}

export interface ActionType {
  type: string;
  effect: "read" | "write";
  /** What a person must do instead of an undo; null where it can be undone. */
  irreversible: string | null;
  sources: ("declared" | "inventory")[];
}

export interface ActionFacts {
  types: ActionType[];
  /** Whether an inventory was read: only then is "no write action" shown rather than said. */
  inventoryRead: boolean;
}

/** What undoing needs, in the words of `rollback.records.columns`. */
export type Requirement = "trace" | "previous" | "reference" | "at";

export interface RecordsOfType {
  type: string;
  total: number;
  /** Records without what is required, by what they lack. */
  lacking: { what: string; count: number }[];
  /** Where our own ledger says that it cannot be taken back: what a person must do instead. */
  irreversible?: string;
}

export interface RecordsFacts {
  types: RecordsOfType[];
  source: string;
}

/** The rollback script, asked and dry-run; or `clawproof rollback` on our own ledger, which was asked for a plan. */
export interface ScriptFacts {
  by: "script" | "ledger";
  /** The types it says it covers; `why` where it could not be asked. */
  listed: { types: string[] } | { why: string };
  takesTrace: boolean;
  takesWindow: boolean;
  /** `seen`: types of which a dry run covered a record; `unseen` is why others that are listed were not. `failed`: it ran and did wrong. `not-run`: nobody consented, or nothing to run on. */
  dryRun:
    | { state: "seen"; types: string[]; runs: string[]; unseen?: { type: string; why: string }[] }
    | { state: "failed"; why: string }
    | { state: "not-run"; why: string };
}

export interface CanaryFacts {
  reading: Exclude<ManifestReading, { kind: "none" }>;
}

export interface FallbackFacts {
  text: string;
  source: string;
}

/** Everything a check may ask for, by name. */
export interface FactValues {
  killSwitch: KillSwitchFacts;
  rehearsal: RehearsalFacts;
  breaker: BreakerFacts;
  breakerRehearsal: BreakerRehearsalFacts;
  actions: ActionFacts;
  records: RecordsFacts;
  script: ScriptFacts;
  canary: CanaryFacts;
  fallback: FallbackFacts;
  drills: DrillStanding;
}

export type FactName = keyof FactValues;
export type Facts = { [Name in FactName]?: Fact<FactValues[Name]> };
