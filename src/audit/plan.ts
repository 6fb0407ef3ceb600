import type { ConfigPath, Project } from "../config/project.ts";
import type { Source } from "../config/call.ts";
import { publicUrl } from "../config/redaction.ts";
import { parseTemplate } from "../config/template.ts";
import type { FactName } from "../evidence/facts.ts";
import { ACTIONS } from "../ledger/record.ts";
import type { Check } from "./check.ts";
import type { Location } from "./fact.ts";
import { ORDER_OF_WORK, stepsFor } from "./gather.ts";
import { type Acting, type MayAct, actingFor } from "./plan-acts.ts";
import { ledgerReads, ledgerSections } from "./plan-ledger.ts";
import { callText, commandText, sourceText } from "./plan-words.ts";

/** A line of a plan and where in clawproof.yaml it comes from. */
export interface PlanLine {
  text: string;
  location: Location;
}

/** What an audit of these checks would do, without doing any of it (`--dry-run`). */
export interface Plan {
  reads: PlanLine[];
  acts: Acting[];
  /** What it would leave alone, each with the reason. */
  nots: PlanLine[];
  /** Secrets without a default that what it would do refers to, each once. */
  secrets: { name: string; location: Location }[];
}

/** Sections of clawproof.yaml that a fact comes from; the first says whether there is anything to look at. */
const SECTIONS: Record<FactName, readonly [ConfigPath, ...ConfigPath[]]> = {
  actions: [["agent", "inventory"]],
  breaker: [["breaker", "settings"]],
  canary: [["canary"]],
  fallback: [["fallback"]],
  killSwitch: [["killSwitch"]],
  drills: [["drills"]],
  records: [
    ["rollback", "records"],
    ["rollback", "ledger"],
  ],
  rehearsal: [["killSwitch"], ["agent", "probes"], ["agent", "instances"], ["alerting", "receipts"]],
  breakerRehearsal: [
    ["breaker", "rehearse"],
    ["agent", "probes"],
  ],
  script: [
    ["rollback", "script"],
    ["agent", "probes", "write"],
  ],
};

/** What may stand instead of the first section of these facts. */
const INSTEAD: Partial<Record<FactName, ConfigPath>> = {
  records: ["rollback", "ledger"],
  script: ["rollback", "ledger"],
};

/** Facts that nothing is read for unless somebody consents to acting. */
const REHEARSED: ReadonlySet<FactName> = new Set(["rehearsal", "breakerRehearsal"]);

/** The plan for these checks. Pure: opens nothing, looks no secret up. */
export function planAudit(project: Project, checks: readonly Check[], mayAct: MayAct): Plan {
  const facts = stepsFor(checks, project, ORDER_OF_WORK).map(({ fact }) => fact);
  const acting = actingFor(project, facts, mayAct);
  const reads = [...facts.flatMap((fact) => readsFor(fact, project)), ...acting.acts.flatMap((act) => act.reads ?? [])];
  const missing = facts.filter(
    (fact) =>
      !REHEARSED.has(fact) &&
      ![SECTIONS[fact][0], INSTEAD[fact] ?? []].some((path) => path.length > 0 && stands(project, path)) &&
      fact !== "actions",
  );
  return {
    reads,
    acts: acting.acts,
    nots: [
      ...missing.map((fact) => ({
        text: `look at ${SECTIONS[fact][0].join(".")}: the configuration does not name it`,
        location: project.where(SECTIONS[fact][0]),
      })),
      ...acting.nots,
    ],
    secrets: secretsFor(project, facts),
  };
}

function readsFor(fact: FactName, project: Project): PlanLine[] {
  const { config } = project;
  const base = config.agent.url;
  const line = (text: string, ...path: ConfigPath): PlanLine => ({ text, location: project.where(path) });
  const source = (what: string, value: Source | undefined, ...path: ConfigPath): PlanLine[] =>
    value === undefined ? [] : [line(`${what}: ${sourceText(value, base)}`, ...path)];
  switch (fact) {
    case "actions":
      return (config.agent.inventory ?? []).flatMap((one, index) =>
        source("inventory", one, "agent", "inventory", index),
      );
    case "breaker":
      return source("breaker settings", config.breaker?.settings, "breaker", "settings");
    case "canary":
      return source("manifest", config.canary?.manifest, "canary", "manifest");
    case "fallback":
      return source("fallback", config.fallback?.template, "fallback", "template");
    case "killSwitch":
      return switchReads(project);
    case "drills":
      return [
        ...source("drill log", config.drills?.log, "drills", "log"),
        ...(config.drills?.store === undefined ? [] : [line("drills at the kill switch", "drills", "store")]),
        ...(config.drills?.keys ?? []).flatMap((key, index) =>
          source("key that may sign drills", key, "drills", "keys", index),
        ),
      ];
    case "records":
      return recordReads(project);
    case "script":
      return scriptReads(project);
    case "rehearsal":
    case "breakerRehearsal":
      return [];
  }
}

function switchReads(project: Project): PlanLine[] {
  const { killSwitch } = project.config;
  if (!killSwitch) return [];
  return [{ text: `kill switch: ${callText(killSwitch.status)}`, location: project.where(["killSwitch", "status"]) }];
}

function recordReads(project: Project): PlanLine[] {
  const { records = [], ledger } = project.config.rollback ?? {};
  const line = (database: string, what: string, key: "records" | "ledger"): PlanLine => ({
    text: `database: ${publicUrl(database)}, ${what}`,
    location: project.where(["rollback", key]),
  });
  return [
    ...[records]
      .flat()
      .map(({ database, table }) => line(database, table === undefined ? "a query" : `table ${table}`, "records")),
    ...(ledger === undefined ? [] : [line(ledger, `table ${ACTIONS}`, "ledger")]),
  ];
}

function scriptReads(project: Project): PlanLine[] {
  const script = project.config.rollback?.script;
  if (!script) return ledgerReads(project);
  if (!script.types) return [];
  const list = commandText([...script.run, ...script.types]);
  return [{ text: `rollback script's own list: ${list}`, location: project.where(["rollback", "script", "types"]) }];
}

function stands({ config }: Project, path: ConfigPath): boolean {
  return valueAt(config, path) !== undefined;
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[step] : undefined),
    value,
  );
}

function secretsFor(project: Project, facts: readonly FactName[]): Plan["secrets"] {
  const seen = new Map<string, Location>();
  const isPlanned = project.config.rollback?.script === undefined && project.config.rollback?.ledger !== undefined;
  const sections = (fact: FactName) => (fact === "script" && isPlanned ? ledgerSections(project) : SECTIONS[fact]);
  for (const path of facts.flatMap(sections)) {
    for (const { name, at } of secretsBelow(valueAt(project.config, path), path)) {
      if (!seen.has(name)) seen.set(name, project.where(at));
    }
  }
  return [...seen].map(([name, location]) => ({ name, location }));
}

function secretsBelow(value: unknown, at: ConfigPath): { name: string; at: ConfigPath }[] {
  if (typeof value === "string") {
    return parseTemplate(value).parts.flatMap((part) =>
      part.kind === "secret" && part.default === undefined ? [{ name: part.name, at }] : [],
    );
  }
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => secretsBelow(item, [...at, index]));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => secretsBelow(item, [...at, key]));
}
