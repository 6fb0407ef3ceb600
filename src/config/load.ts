import { createHash } from "node:crypto";
import { dirname, relative, resolve } from "node:path";
import type { Location } from "../audit/fact.ts";
import { hostOf, isLoopback } from "../doors/address.ts";
import { readSecretCommand } from "../doors/secret-command.ts";
import { problemsFrom, readConfigText, templateFindings, unreadable, validate } from "./config-file.ts";
import { consentFindings } from "./consent.ts";
import { deployTool } from "../evidence/deploy-tools.ts";
import { CONSENTS, inBlock, isProtected, overlay, without } from "./environments.ts";
import { findConfig } from "./find.ts";
import { nodeAt, placeOf, plain, readLocated, type Located, type LocatedFile } from "./located.ts";
import { InvalidConfig, nearest } from "./problems.ts";
import type { ConfigPath, Project } from "./project.ts";
import { expandOwnSwitch, writtenPath } from "./own-switch.ts";
import { configSchema, type Config, type WrittenConfig } from "./schema.ts";
import type { Finding } from "./schema-problems.ts";
import { knownText, type Known } from "./known-text.ts";
import { createSecrets } from "./secret-store.ts";
import { secretsIn } from "./template.ts";

/** A rule about the configuration that somebody above knows (waivers name checks, policy has limits). */
export type ConfigRule = (config: Config) => { path: ConfigPath; message: string; hint?: string }[];

export interface LoadOptions {
  /** `-c FILE`; without it the nearest clawproof.yaml upward from `cwd`. */
  file?: string;
  cwd: string;
  /** `--env NAME`. */
  environment?: string;
  /** The process's environment variables. */
  env: Record<string, string | undefined>;
  rules?: readonly ConfigRule[];
}

/** What a clawproof.yaml cannot do without. */
const NEEDS = "`version: 1` and `agent: { name: … }`";

/** Reads, overlays and checks clawproof.yaml. Throws InvalidConfig with every problem at once. */
export async function loadProject(options: LoadOptions): Promise<Project> {
  const file = await locateFile(options);
  const shownFile = relative(options.cwd, file) || file;
  const text = await readConfigText(file, shownFile);
  return projectFromText(text, { ...options, file, shownFile });
}

/** The same for text that is already there. */
export function projectFromText(text: string, options: LoadOptions & { file: string; shownFile: string }): Project {
  const { file, shownFile, env } = options;
  const directory = dirname(file);
  const environment = options.environment ?? null;
  const located = readLocated(text, shownFile, NEEDS);
  const layers = splitEnvironments(located);
  const { root, says } = chooseLayer(layers, located, environment);
  const { config: written, findings } = validate(root, configSchema);
  const known = { env, secrets: written?.secrets, directory, environment };
  const config = written && completed(written, known);
  for (const layer of environment === null ? layers.blocks.values() : [])
    findings.push(...blockFindings(layers, layer));
  findings.push(...templateFindings(root));
  if (config) {
    const rules = options.rules ?? [];
    const extra = rules.flatMap((rule) => rule(config));
    for (const { path, message, hint } of extra) {
      findings.push({ location: placeOf(root, path), message: hint === undefined ? message : `${message}; ${hint}` });
    }
    findings.push(
      ...consentFindings({
        root,
        config,
        environment,
        hostOf: (url) => {
          const filled = knownText(url, known);
          return filled === null ? null : hostOf(filled);
        },
        isLoopback,
        remoteTool: deployTool,
      }),
    );
  }
  if (findings.length > 0 || !config) throw new InvalidConfig(problemsFrom(findings, located));
  return {
    file,
    shownFile,
    directory,
    sha256: createHash("sha256").update(text).digest("hex"),
    environment,
    protected: environment !== null && isProtected(environment, says),
    config,
    env,
    secrets: createSecrets({
      config: config.secrets,
      directory,
      env,
      named: namesOfSecrets(config),
      readCommand: (argv) => readSecretCommand(argv, directory),
    }),
    where: (path) => placeOf(root, config.killSwitch && "provider" in config.killSwitch ? writtenPath(path) : path),
  };
}

function namesOfSecrets(config: Config): string[] {
  const credentials = [config.agent.credentials ?? [], config.killSwitch?.credentials ?? []].flat();
  return [...new Set([...secretsIn(config), ...credentials, ...Object.keys(config.secrets ?? {})])];
}

async function locateFile(options: LoadOptions): Promise<string> {
  if (options.file !== undefined) return resolve(options.cwd, options.file);
  const nearestFile = await findConfig(options.cwd);
  if (nearestFile !== null) return nearestFile;
  throw unreadable(
    "clawproof.yaml",
    "there is none here or above, up to the repository's root; write one (see the README) or name it with -c FILE",
  );
}

interface Layers {
  base: Located;
  blocks: Map<string, { name: string; root: Located; says: boolean | undefined; at: Location }>;
  findings: Finding[];
}
type Layer = Layers["blocks"] extends Map<string, infer Value> ? Value : never;

/** Takes `environments` out of the file: each block is a layer, `protected` is its own word and no setting. */
function splitEnvironments({ root }: LocatedFile): Layers {
  const layers: Layers = { base: without(root, ["environments"]), blocks: new Map(), findings: [] };
  const section = nodeAt(root, ["environments"]);
  if (!section) return layers;
  if (section.content.kind !== "map") {
    layers.findings.push({ location: section.at, message: "expected a map of environments: NAME: { … }" });
    return layers;
  }
  for (const [name, block] of section.content.entries) {
    const at = block.keyAt ?? block.at;
    const isEmpty = block.content.kind === "scalar" && block.content.value === null;
    const map: Located = isEmpty ? { ...block, content: { kind: "map", entries: new Map() } } : block;
    if (map.content.kind !== "map") {
      layers.findings.push({ location: block.at, message: `expected a map of what differs in ${name}` });
      continue;
    }
    for (const outside of ["version", "environments"]) {
      const node = map.content.entries.get(outside);
      if (node)
        layers.findings.push({
          location: node.keyAt ?? node.at,
          message: `\`${outside}\` stands at the top, not in an environment`,
        });
    }
    const said = map.content.entries.get("protected");
    const value = said ? plain(said) : undefined;
    if (value !== undefined && typeof value !== "boolean") {
      layers.findings.push({ location: said?.at ?? at, message: "expected true or false" });
    }
    const says = typeof value === "boolean" ? value : undefined;
    layers.blocks.set(name, { name, root: inBlock(without(map, ["protected"]), name), says, at });
  }
  return layers;
}

function chooseLayer(
  layers: Layers,
  located: LocatedFile,
  environment: string | null,
): { root: Located; says: boolean | undefined } {
  if (layers.findings.length > 0) throw new InvalidConfig(problemsFrom(layers.findings, located));
  if (environment === null) return { root: layers.base, says: undefined };
  const layer = layers.blocks.get(environment);
  if (layer) return { root: laid(layers.base, layer), says: layer.says };
  const names = [...layers.blocks.keys()];
  const near = nearest(environment, names);
  const hint =
    near === undefined ? (names.length > 0 ? `known: ${names.join(", ")}` : "there are none") : `did you mean ${near}?`;
  const location = placeOf(located.root, ["environments"]);
  throw new InvalidConfig([
    located.problem(location, `no environment \`${environment}\` stands under environments: ${hint}`),
  ]);
}

/** Consent is never inherited: it is taken out of the base before the block is laid over it. */
function laid(base: Located, layer: Layer): Located {
  return overlay(CONSENTS.reduce(without, base), layer.root);
}

/** Mistakes in a block that is not chosen this time; what is missing in the base is the base's business. */
function blockFindings(layers: Layers, layer: Layer): Finding[] {
  const { findings } = validate(laid(layers.base, layer), configSchema);
  const lines = new Set(everyLine(layer.root));
  return findings.filter(({ location }) => lines.has(location.line));
}

function everyLine(node: Located): number[] {
  const own = [node.at.line, ...(node.keyAt ? [node.keyAt.line] : [])];
  if (node.content.kind === "map") return own.concat(...[...node.content.entries.values()].map(everyLine));
  if (node.content.kind === "list") return own.concat(...node.content.items.map(everyLine));
  return own;
}

/** With its defaults, and a switch of ours as the calls that it answers. */
function completed({ killSwitch, ...config }: WrittenConfig, known: Known): Config {
  if (!killSwitch) return config;
  if (killSwitch.rehearse) killSwitch.rehearse.scope ??= `drill/${config.agent.name}`;
  if (!("provider" in killSwitch)) return { ...config, killSwitch };
  return { ...config, killSwitch: expandOwnSwitch(killSwitch, (template) => knownText(template, known)) };
}
