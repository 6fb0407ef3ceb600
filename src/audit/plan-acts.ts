import type { Call } from "../config/call.ts";
import type { ConfigPath, Project } from "../config/project.ts";
import { publicWord } from "../config/redaction.ts";
import type { OwnSwitch } from "../config/own-switch.ts";
import type { Config, ForeignSwitch } from "../config/schema.ts";
import type { FactName } from "../evidence/facts.ts";
import type { Gathering } from "../evidence/gathering.ts";
import { formatDuration } from "../values/duration.ts";
import type { Location } from "./fact.ts";
import type { PlanLine } from "./plan.ts";
import { callText, commandText, placeText } from "./plan-words.ts";

export type MayAct = Gathering["mayAct"];

/** Something that an audit would act on, and all that its owner may ask about it. */
export interface Acting {
  /** `drill/subscription-support at stop.example.net`. */
  target: string;
  text: string;
  /** How it is put back, what is sent meanwhile, who may be paged. */
  details: string[];
  /** What is read only because it is acted on. */
  reads?: PlanLine[];
  location: Location;
}

type Proposal = { act: Acting } | { not: PlanLine } | null;

const DEFAULT_EVERY_MS = 50;

/** What the audit would act on to gather these facts, and what it would not, with the reason. */
export function actingFor(
  project: Project,
  facts: readonly FactName[],
  mayAct: MayAct,
): { acts: Acting[]; nots: PlanLine[] } {
  const proposals = [
    facts.includes("rehearsal") ? killSwitch(project) : null,
    facts.includes("breakerRehearsal") ? breaker(project) : null,
    facts.includes("script") ? script(project, facts) : null,
  ];
  const acts: Acting[] = [];
  const nots: PlanLine[] = [];
  for (const proposal of proposals) {
    if (proposal === null) continue;
    if ("not" in proposal) nots.push(proposal.not);
    else if (mayAct === true) acts.push(proposal.act);
    else nots.push({ text: `${proposal.act.text}: ${mayAct.why}`, location: proposal.act.location });
  }
  return { acts, nots };
}

function killSwitch(project: Project): Proposal {
  const { config } = project;
  const section = config.killSwitch;
  if (!section) return null;
  const path = ["killSwitch", "rehearse"];
  const { rehearse } = section;
  if (!rehearse) return not(project, path, "pull the kill switch: no killSwitch.rehearse consents to it");
  const log = rehearse.log ?? section.log;
  if (!rehearse.exclusive && (log?.fields.scope === undefined || log.fields.reason === undefined)) {
    const why = "without a log that tells scope and reason nobody can tell whose order is newest";
    return not(
      project,
      path,
      `pull the kill switch: ${why} (rehearse: { exclusive: true } says that nobody else pulls)`,
    );
  }
  const write = config.agent.probes?.write;
  if (!write) return not(project, path, "pull the kill switch: without agent.probes.write nobody could see it work");
  const scope = rehearse.scope ?? `drill/${config.agent.name}`;
  const shown = scope === "whole" ? "the whole kill switch" : scope;
  const activate = rehearse.activate ?? section.activate;
  const release = rehearse.release ?? section.release;
  const place = placeText(activate, project.environment);
  const putBack = release ? callText(release) : "nothing: killSwitch.release is missing";
  return {
    act: {
      target: `${shown} at ${place}`,
      text: `pull the kill switch on ${shown}, ${times(rehearse.samples)}: ${callText(activate)}`,
      details: [
        `put back: ${putBack}${section.restart ? `, then ${callText(section.restart)}` : ""}`,
        ...probesText(config, rehearse.every ?? DEFAULT_EVERY_MS),
        ...whileStoppedText(config, section),
        `may page: whoever the switch at ${place} alerts when it is pulled`,
      ],
      reads: whilePulledReads(project, section),
      location: project.where(path),
    },
  };
}

/** Where a rehearsal looks for its marks; and a switch of ours tells who obeys. */
function whilePulledReads(project: Project, section: ForeignSwitch | OwnSwitch): PlanLine[] {
  const { alerting } = project.config;
  const twin = section.rehearse?.log;
  const reads: { what: string; call: Call | undefined; path: ConfigPath }[] = [
    {
      what: "the switch's log",
      call: twin ?? section.log,
      path: twin ? ["killSwitch", "rehearse", "log"] : ["killSwitch", "log"],
    },
    { what: "alert receipts, while it is pulled", call: alerting?.receipts, path: ["alerting", "receipts"] },
    {
      what: "who obeys, while it is pulled",
      call: "provider" in section ? section.fleet : undefined,
      path: ["killSwitch", "fleet"],
    },
  ];
  return reads.flatMap(({ what, call, path }) =>
    call ? [{ text: `${what}: ${callText(call)}`, location: project.where(path) }] : [],
  );
}

/** What the switch itself is asked while it is pulled, and what a user would ask of the stopped agent. */
function whileStoppedText({ agent: { probes, url } }: Config, section: ForeignSwitch): string[] {
  const calls: [string, Call | undefined][] = [
    ["work under way", probes?.run],
    ["the user's question", probes?.user],
  ];
  const texts = calls.flatMap(([what, call]) => (call ? [`meanwhile ${what}: ${callText(call, url)}`] : []));
  if (section.releaseAsAgent) texts.push("meanwhile a release with the agent's own credential, which must be refused");
  return texts;
}

function breaker(project: Project): Proposal {
  const { config } = project;
  if (!config.breaker) return null;
  const path = ["breaker", "rehearse"];
  const { rehearse } = config.breaker;
  if (!rehearse) return not(project, path, "open the breaker: no breaker.rehearse consents to it");
  const base = config.agent.url;
  const scope = rehearse.scope === "whole" ? "all traffic" : (rehearse.scope ?? `drill/${config.agent.name}`);
  return {
    act: {
      target: `the breaker of ${scope} at ${placeText(rehearse.open, project.environment, base)}`,
      text: `open the breaker of ${scope}, once: ${callText(rehearse.open, base)}`,
      details: [
        `put back: ${callText(rehearse.close, base)}`,
        ...probesText(config, DEFAULT_EVERY_MS),
        "may page: whoever watches the agent's breaker",
      ],
      location: project.where(path),
    },
  };
}

function script(project: Project, facts: readonly FactName[]): Proposal {
  const { config } = project;
  const section = config.rollback?.script;
  if (!section) return null;
  const path = ["rollback", "script", "rehearse"];
  if (!section.rehearse)
    return not(project, path, "dry-run the rollback script: no rollback.script.rehearse consents to it");
  const argv = [...section.run, ...(section.trace ?? []), ...(section.dryRun ?? [])];
  const write = config.agent.probes?.write;
  const traces = section.rehearse.trace === "recent" ? "real traces, one of each type" : "the audit's own probe write";
  const sends =
    write && section.rehearse.trace === "probe" && !facts.includes("rehearsal")
      ? [`sends one probe write: ${callText(write, config.agent.url)}`]
      : [];
  return {
    act: {
      target: `the rollback script, dry (${section.run.map(publicWord).join(" ")})`,
      text: `dry-run the rollback script on ${traces}: ${commandText(argv)}`,
      details: [...sends, "put back: nothing, a dry run changes nothing, which is checked", "may page: nobody"],
      location: project.where(path),
    },
  };
}

function probesText({ agent: { probes, url } }: Config, everyMs: number): string[] {
  const write = probes?.write ? [`a probe write every ${formatDuration(everyMs)}: ${callText(probes.write, url)}`] : [];
  const read = probes?.read ? [`a probe read a second: ${callText(probes.read, url)}`] : [];
  return [...write, ...read].map((text) => `meanwhile ${text}`);
}

function not(project: Project, path: ConfigPath, text: string): Proposal {
  const consent = project.environment === null ? "" : ` in environments.${project.environment}`;
  return { not: { text: text.endsWith("consents to it") ? text + consent : text, location: project.where(path) } };
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** What is about to be touched, with places. */
export function targetsText(acts: readonly Acting[]): string {
  return acts.map(({ target, location }) => `${target} (${location.file}:${location.line})`).join(", ");
}

/** The first line on standard error: what is about to be touched (contract, 3.2); null where nothing is. */
export function actingLine({ environment }: Project, acts: readonly Acting[]): string | null {
  return acts.length === 0 ? null : `acting on ${environment ?? "this machine"}: ${targetsText(acts)}`;
}
