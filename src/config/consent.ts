import type { Config, ForeignSwitch } from "./schema.ts";
import type { ConfigPath } from "./project.ts";
import { nodeAt, placeOf, plain, type Located } from "./located.ts";
import { publicUrl } from "./redaction.ts";
import type { Finding } from "./schema-problems.ts";
import { textsIn } from "./schema-problems.ts";

/**
 * The rules about where the audit may act (contract, 2.3 on `bench` and 3.2). They look at the file alone, so they
 * hold before anything is opened.
 */

/** What a rule needs to know of a URL: its host, or null where that is only known when a secret is read. */
export type HostOf = (text: string) => string | null;

export interface ConsentInput {
  root: Located;
  config: Config;
  environment: string | null;
  hostOf: HostOf;
  isLoopback(host: string): boolean;
  /** Whether a program is a tool that acts on other machines (kubectl, helm, …); its name, else null. */
  remoteTool(argv: readonly string[]): string | null;
}

export function consentFindings(input: ConsentInput): Finding[] {
  return [...benchFindings(input), ...awayFindings(input), ...scopeFindings(input), ...needsFindings(input)];
}

/** Keys whose lists are words of a command line. */
const ARGUMENTS = new Set(["command", "run", "types", "trace", "window", "dryRun"]);

/** URLs below a path: values under `url`, database URLs with a host, and those that a command is given. */
function urlsBelow(input: ConsentInput, path: ConfigPath): { url: string; at: Finding["location"] }[] {
  const node = nodeAt(input.root, path);
  if (!node) return [];
  return textsIn(node, [...path]).flatMap(({ path: where, text, at }) => {
    const key = where.at(-1);
    if (key === "url") return [{ url: text, at }];
    if (key === "database") return text.startsWith("sqlite:") ? [] : [{ url: text, at }];
    const inCommand = ARGUMENTS.has(String(where.at(-2))) && typeof key === "number";
    const url = inCommand ? /[a-z][a-z0-9+.-]*:\/\/\S+/i.exec(text)?.[0] : undefined;
    return url === undefined ? [] : [{ url, at }];
  });
}

function away(input: ConsentInput, path: ConfigPath, words: (host: string) => string): Finding[] {
  return urlsBelow(input, path).flatMap(({ url, at }) => {
    if (url.startsWith("/")) return [];
    const host = input.hostOf(url);
    return host !== null && input.isLoopback(host) ? [] : [{ location: at, message: words(host ?? publicUrl(url)) }];
  });
}

/** `bench: true` says that all runs on this machine on purpose: then all of it must. */
function benchFindings(input: ConsentInput): Finding[] {
  if (input.config.bench !== true) return [];
  const findings = away(input, [], (host) => `bench: true says that all runs on this machine, but this is ${host}`);
  if (input.environment !== null) {
    findings.push({
      location: placeOf(input.root, ["bench"]),
      message: "bench: true is for one machine and no environment; it cannot stand with --env",
    });
  }
  return findings;
}

/** Each consent with the sections whose targets it makes the audit act on. */
const TARGETS: readonly { consent: ConfigPath; targets: readonly ConfigPath[] }[] = [
  { consent: ["killSwitch", "rehearse"], targets: [["killSwitch"], ["agent", "url"], ["agent", "probes"]] },
  {
    consent: ["breaker", "rehearse"],
    targets: [
      ["breaker", "rehearse"],
      ["agent", "url"],
      ["agent", "probes"],
    ],
  },
  {
    consent: ["rollback", "script", "rehearse"],
    targets: [
      ["rollback", "script"],
      ["rollback", "records"],
      ["agent", "url"],
      ["agent", "probes"],
    ],
  },
  {
    consent: ["agent", "probes", "writes"],
    targets: [
      ["agent", "url"],
      ["agent", "probes"],
    ],
  },
  {
    consent: ["drills", "faults"],
    targets: [
      ["agent", "url"],
      ["drills", "faults"],
    ],
  },
  { consent: ["drills", "faults", "switch"], targets: [["killSwitch"]] },
];

/** At the top level consent holds only for this machine: elsewhere it belongs into the environment's own block. */
function awayFindings(input: ConsentInput): Finding[] {
  if (input.environment !== null) return [];
  const findings: Finding[] = [];
  for (const { consent, targets } of TARGETS) {
    if (!nodeAt(input.root, consent)) continue;
    const key = consent.join(".");
    const words = (host: string): string =>
      `${key} at the top level consents only to targets on this machine, and this is ${host}; move ${key} into a block under environments:`;
    for (const target of targets) findings.push(...away(input, target, words), ...remoteCommands(input, target, words));
  }
  return unique(findings);
}

/** Programs that do what they do on another machine. */
const REMOTE_SHELL = /(?:^|\/)(ssh|mosh|scp|rsync)$/;

function remoteCommands(input: ConsentInput, path: ConfigPath, say: (host: string) => string): Finding[] {
  const node = nodeAt(input.root, path);
  if (!node) return [];
  const findings: Finding[] = [];
  walk(node, (child, key) => {
    if ((key !== "command" && key !== "run") || child.content.kind !== "list") return;
    const argv = plain(child);
    if (!Array.isArray(argv)) return;
    const words = argv.filter((part): part is string => typeof part === "string");
    const tool = REMOTE_SHELL.exec(words[0] ?? "")?.[1] ?? input.remoteTool(words);
    if (tool !== null)
      findings.push({ location: child.at, message: say(`run by ${tool}, which acts on other machines`) });
  });
  return findings;
}

function walk(node: Located, visit: (node: Located, key: string) => void): void {
  if (node.content.kind === "list") for (const item of node.content.items) walk(item, visit);
  if (node.content.kind !== "map") return;
  for (const [key, child] of node.content.entries) {
    visit(child, key);
    walk(child, visit);
  }
}

const holdsScope = (node: Located | undefined): boolean =>
  node !== undefined && textsIn(node).some(({ text }) => text.replaceAll("$${", "").includes("${scope}"));

/** A call of the switch, and how it is named under `killSwitch`. */
interface SwitchCall {
  name: string;
  node: Located | undefined;
}

/** `${scope}`: what is pulled, asked and put back must be the same thing (contract, 3.2), a rehearsal's twins included. */
function scopeFindings(input: ConsentInput): Finding[] {
  const main = (name: string): SwitchCall => ({ name, node: nodeAt(input.root, ["killSwitch", name]) });
  const twin = (name: string): SwitchCall => {
    const node = nodeAt(input.root, ["killSwitch", "rehearse", name]);
    return node ? { name: `rehearse.${name}`, node } : main(name);
  };
  return [...unscoped(main), ...unscoped(twin), ...wholeSwitch(input), ...wholeBreaker(input)];
}

/** Calls without `${scope}` beside an `activate` that has it: they would ask about, or release, more than was pulled. */
function unscoped(callNamed: (name: string) => SwitchCall): Finding[] {
  const activate = callNamed("activate");
  if (!holdsScope(activate.node)) return [];
  return ["status", "release"].map(callNamed).flatMap(({ name, node }) =>
    node && !holdsScope(node)
      ? [
          {
            location: node.keyAt ?? node.at,
            message: `${activate.name} contains \${scope}, so ${name} must contain it too`,
          },
        ]
      : [],
  );
}

function wholeSwitch({ root, config }: ConsentInput): Finding[] {
  const consent = nodeAt(root, ["killSwitch", "rehearse"]);
  if (!consent || !config.killSwitch) return [];
  if ("provider" in config.killSwitch) return wholeOwnSwitch(root, consent, config.killSwitch);
  const activate = nodeAt(root, ["killSwitch", "rehearse", "activate"]) ?? nodeAt(root, ["killSwitch", "activate"]);
  const location = consent.keyAt ?? consent.at;
  if (holdsScope(activate)) {
    if (config.killSwitch.rehearse?.scope !== "whole") return [];
    return [{ location, message: "scope: whole is for a switch whose activate has no ${scope}; name the scope" }];
  }
  if (config.killSwitch.rehearse?.scope !== "whole") {
    return [
      {
        location,
        message:
          "without ${scope} in activate a rehearsal pulls the whole switch; if that is meant, write rehearse: { scope: whole }",
      },
    ];
  }
  return ["status", "activate", "release"].flatMap((name) => {
    const node = nodeAt(root, ["killSwitch", name]);
    if (!node || node.block === consent.block) return [];
    return [{ location, message: `scope: whole must stand in the same block as killSwitch.${name}` }];
  });
}

/** Our own knows scopes; pulling all of them takes a consent that stands beside the address it is about. */
function wholeOwnSwitch(root: Located, consent: Located, { rehearse }: ForeignSwitch): Finding[] {
  const location = (nodeAt(consent, ["scope"]) ?? consent).at;
  const scope = rehearse?.scope;
  if (scope === "whole") {
    return [
      { location, message: "scope: whole is for a switch that knows no scopes; leave it out, or write drill/AGENT" },
    ];
  }
  const url = nodeAt(root, ["killSwitch", "url"]);
  if (scope !== "*" || url?.block === consent.block) return [];
  return [{ location, message: 'scope: "*" stops every agent: it must stand in the same block as killSwitch.url' }];
}

function wholeBreaker({ root, config }: ConsentInput): Finding[] {
  const consent = nodeAt(root, ["breaker", "rehearse"]);
  if (!consent || !config.breaker?.rehearse) return [];
  if (holdsScope(nodeAt(root, ["breaker", "rehearse", "open"])) || config.breaker.rehearse.scope === "whole") return [];
  return [
    {
      location: consent.keyAt ?? consent.at,
      message:
        "without ${scope} in open a rehearsal opens the breaker for all traffic; if that is meant, write scope: whole",
    },
  ];
}

/** What a consent cannot do without. */
function needsFindings({ root, config }: ConsentInput): Finding[] {
  const findings: Finding[] = [];
  const at = (path: ConfigPath): Finding["location"] => placeOf(root, path);
  const { killSwitch } = config;
  if (killSwitch) {
    if (killSwitch.rehearse && !killSwitch.release && !killSwitch.rehearse.release) {
      findings.push({
        location: at(["killSwitch", "rehearse"]),
        message: "a rehearsal puts back: it needs killSwitch.release",
      });
    }
    if (killSwitch.kind === "terminate" && killSwitch.rehearse && !killSwitch.restart) {
      findings.push({
        location: at(["killSwitch", "kind"]),
        message: "a switch that terminates needs killSwitch.restart to be rehearsed",
      });
    }
  }
  for (const name of ["agent", "switch"] as const) {
    const fault = config.drills?.faults?.[name];
    if (!fault || "pidFile" in fault || !fault.freeze || fault.thaw) continue;
    findings.push({
      location: at(["drills", "faults", name, "freeze"]),
      message: `what is frozen must be thawed: it needs drills.faults.${name}.thaw`,
    });
  }
  if (config.rollback?.script?.rehearse && !config.rollback.script.dryRun) {
    findings.push({
      location: at(["rollback", "script", "rehearse"]),
      message: "a dry run needs script.dryRun: the arguments that make it dry",
    });
  }
  return findings;
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ location, message }) => {
    const key = `${String(location.line)}:${String(location.column)}:${message.slice(0, 12)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
