import { dirname, relative, resolve } from "node:path";
import type { Location } from "../audit/fact.ts";
import type { CallContext } from "../doors/door.ts";
import { readSecretCommand } from "../doors/secret-command.ts";
import { problemsFrom, readConfigText, templateFindings, validate } from "./config-file.ts";
import { parseListen, type ListenAddress } from "./listening.ts";
import { nodeAt, placeOf, readLocated, type Located } from "./located.ts";
import { InvalidConfig } from "./problems.ts";
import type { ConfigPath } from "./project.ts";
import { textsIn, type Finding } from "./schema-problems.ts";
import { createSecrets } from "./secret-store.ts";
import { MissingSecret, type Secrets } from "./secrets.ts";
import type { AlertRoute } from "./shared-sections.ts";
import { switchFileSchema, switchSection, type SwitchFile } from "./switch-schema.ts";
import { fill, parseTemplate, secretsIn } from "./template.ts";

/** The settings of `clawproof serve`, with defaults; flags may be laid over them. */
export interface SwitchSettings {
  name: string;
  listen: ListenAddress;
  /** Absolute path of the data file; null where nothing names one. */
  data: string | null;
  /** Absolute paths of PEM files. */
  tls: { cert: string; key: string } | null;
  /** Without a slash at its end. */
  publicUrl: string | null;
  /** Addresses, and ranges of them, of trusted proxies. */
  behindProxy: readonly string[];
  leaseMs: number;
  /** Their texts still hold their `${…}`: a door fills them with `context`. */
  alerts: readonly AlertRoute[];
}

/** A switch.yaml that was read and checked, or what holds without one. */
export interface SwitchProject {
  /** The path as messages show it; null where there is no file. */
  shownFile: string | null;
  settings: SwitchSettings;
  /** In which doors send: secrets, `http:`, and the folder that paths begin in. */
  context: CallContext;
  /** Place of a value, or of the nearest section around it that stands in the file. */
  where(path: ConfigPath): Location;
}

export interface SwitchConfigOptions {
  /** `-c FILE`; null where there is none: then defaults hold. */
  file: string | null;
  cwd: string;
  /** The process's environment variables. */
  env: Readonly<Record<string, string | undefined>>;
}

const FILE = "switch.yaml";
const DEFAULT_NAME = "kill switch";
const DEFAULT_LISTEN: ListenAddress = { host: "127.0.0.1", port: 4600 };
const DEFAULT_LEASE_MS = 15_000;

/** Reads and checks switch.yaml. Throws InvalidConfig with every problem at once. */
export async function loadSwitchConfig({ file, cwd, env }: SwitchConfigOptions): Promise<SwitchProject> {
  if (file === null) return withoutFile(cwd, env);
  const path = resolve(cwd, file);
  const shownFile = relative(cwd, path) || path;
  return switchConfigFromText(await readConfigText(path, shownFile), { file: path, shownFile, env });
}

/** The same for text that is already there; `file` is absolute. */
export async function switchConfigFromText(
  text: string,
  { file, shownFile, env }: { file: string; shownFile: string; env: SwitchConfigOptions["env"] },
): Promise<SwitchProject> {
  const located = readLocated(text, shownFile, "`switch: {}`");
  const { root } = located;
  const { config, findings } = validate(root, switchFileSchema);
  findings.push(...templateFindings(root), ...placeholderFindings(root));
  const context = contextFor(config, dirname(file), env);
  const settings = config && findings.length === 0 ? await settingsOf(config, root, context, findings) : null;
  if (settings === null || findings.length > 0) throw new InvalidConfig(problemsFrom(findings, located));
  return { shownFile, settings, context, where: (path) => placeOf(root, path) };
}

async function withoutFile(directory: string, env: SwitchConfigOptions["env"]): Promise<SwitchProject> {
  const at = { file: FILE, line: 1, column: 1 };
  const root: Located = { at, block: "", content: { kind: "map", entries: new Map() } };
  const context = contextFor(undefined, directory, env);
  const settings = await settingsOf({ switch: {} }, root, context, []);
  return { shownFile: null, settings, context, where: () => at };
}

function contextFor(
  config: SwitchFile | undefined,
  directory: string,
  env: SwitchConfigOptions["env"],
): CallContext & { secrets: Secrets } {
  const secrets = createSecrets({
    config: config?.secrets,
    directory,
    env,
    named: config ? [...secretsIn(config), ...Object.keys(config.secrets ?? {})] : [],
    readCommand: (argv) => readSecretCommand(argv, directory),
  });
  return { secrets, placeholders: {}, http: config?.http ?? {}, directory, env };
}

/** Nothing is asked for a scope or a trace here, so only secrets have a value. */
function placeholderFindings(root: Located): Finding[] {
  return textsIn(root).flatMap(({ text, at }) => {
    const other = parseTemplate(text).parts.find(({ kind }) => kind === "placeholder" || kind === "record");
    if (!other) return [];
    const name = other.kind === "placeholder" ? other.name : "record";
    const message = `\`\${${name}}\` has no value in ${FILE}; secrets stand in capitals, and a literal is written \`$\${\``;
    return [{ location: at, message }];
  });
}

/** The settings with their `${…}` filled in, those of the alerts excepted; what then makes no sense is added to `findings`. */
async function settingsOf(
  { switch: section }: SwitchFile,
  root: Located,
  context: CallContext,
  findings: Finding[],
): Promise<SwitchSettings> {
  const { alerts = [], lease = DEFAULT_LEASE_MS, ...texts } = section;
  const filled = (await filledIn(texts, ["switch"], root, context, findings)) as typeof texts;
  const checked = switchSection.safeParse(filled);
  for (const { path, message } of checked.error?.issues ?? [])
    findings.push({ location: placeAt(root, ["switch", ...path]), message });
  const { name = DEFAULT_NAME, listen, data, tls, publicUrl, behindProxy = [] } = filled;
  const pathOf = (path: string): string => resolve(context.directory, path);
  return {
    name,
    listen: (listen === undefined ? null : parseListen(listen)) ?? DEFAULT_LISTEN,
    data: data === undefined ? null : pathOf(data),
    tls: tls === undefined ? null : { cert: pathOf(tls.cert), key: pathOf(tls.key) },
    publicUrl: publicUrl?.replace(/\/+$/, "") ?? null,
    behindProxy,
    leaseMs: lease,
    alerts,
  };
}

async function filledIn(
  value: unknown,
  path: ConfigPath,
  root: Located,
  context: CallContext,
  findings: Finding[],
): Promise<unknown> {
  if (typeof value === "string") {
    try {
      return await fill(value, context);
    } catch (error) {
      if (!(error instanceof MissingSecret)) throw error;
      findings.push({ location: placeAt(root, path), message: error.message });
      return value;
    }
  }
  if (typeof value !== "object" || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(key) : key;
    entries.push([key, await filledIn(member, [...path, step], root, context, findings)]);
  }
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
}

/** Of the value itself: its key is right. */
function placeAt(root: Located, path: readonly PropertyKey[]): Location {
  const steps = path.map((step) => (typeof step === "number" ? step : String(step)));
  return nodeAt(root, steps)?.at ?? placeOf(root, steps);
}
