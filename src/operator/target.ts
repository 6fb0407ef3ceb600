import { createRedactor, publicUrl } from "../config/redaction.ts";
import type { Project } from "../config/project.ts";
import type { ForeignSwitch } from "../config/schema.ts";
import type { Secrets } from "../config/secrets.ts";
import type { CallContext } from "../doors/door.ts";
import { SwitchProblem } from "./problem.ts";

/** Which switch a command acts on (contract, 4.1): `--switch`, else CLAWPROOF_SWITCH_URL, else the configuration. */

export interface Choice {
  /** `--switch URL`. */
  switch?: string | undefined;
  /** `-c FILE`. */
  config?: string | undefined;
  /** `--env NAME`. */
  env?: string | undefined;
}

export interface Around {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** The kill switch service of clawproof. */
export interface OwnTarget {
  kind: "own";
  /** Without a slash at its end. */
  url: string;
  /** Signed in: its headers hold the token. */
  context: CallContext;
  /** Null where no configuration was read. */
  project: Project | null;
  /** Who named it, for a person: `--switch`, `clawproof.yaml:9`. */
  source: string;
}

/** A switch of somebody else's make, as the configuration describes it; without the twins that rehearsals use. */
export interface ForeignTarget {
  kind: "foreign";
  killSwitch: Omit<ForeignSwitch, "rehearse">;
  project: Project;
  source: string;
}

export type Target = OwnTarget | ForeignTarget;

/** The switch to act on. Throws SwitchProblem where there is none, InvalidConfig where the configuration cannot be read. */
export async function chooseTarget(choice: Choice, around: Around): Promise<Target> {
  const { CLAWPROOF_SWITCH_URL: fromEnvironment = "", CLAWPROOF_TOKEN: token = "" } = around.env;
  if (choice.switch !== undefined) return named(choice.switch, token, "--switch", around);
  if (fromEnvironment !== "") return named(fromEnvironment, token, "CLAWPROOF_SWITCH_URL", around);
  const project = await configuredProject(choice, around);
  if (project?.config.killSwitch === undefined) throw new SwitchProblem("refused", nothingNamed(project));
  return configured(project);
}

/** The configuration, where there is one: it names the agent. Throws InvalidConfig. */
export async function configuredProject({ config, env }: Choice, around: Around): Promise<Project | null> {
  const { findConfig } = await import("../config/find.ts");
  const file = config ?? (await findConfig(around.cwd));
  if (file === null) {
    if (env === undefined) return null;
    throw new SwitchProblem("refused", `--env ${env} needs a configuration: there is no clawproof.yaml here or above`);
  }
  const { loadProject } = await import("../config/load.ts");
  return loadProject({
    cwd: around.cwd,
    env: { ...around.env },
    file,
    ...(env === undefined ? {} : { environment: env }),
  });
}

function nothingNamed(project: Project | null): string {
  const where =
    project === null ? "there is no clawproof.yaml here or above" : `${project.shownFile} has no killSwitch`;
  return `no switch is named: give --switch URL with CLAWPROOF_TOKEN, or set CLAWPROOF_SWITCH_URL (${where})`;
}

function named(url: string, token: string, source: string, { cwd, env }: Around): OwnTarget {
  if (token === "") throw new SwitchProblem("refused", `CLAWPROOF_TOKEN is not set: it signs you in at the switch`);
  const secrets: Secrets = {
    get: () => Promise.reject(new SwitchProblem("refused", "a switch that is named by its URL knows no secrets")),
    has: () => Promise.resolve(false),
    redact: hiding(token, "CLAWPROOF_TOKEN"),
  };
  const context: CallContext = { secrets, placeholders: {}, headers: signedIn(token), http: {}, directory: cwd, env };
  return { kind: "own", url: baseUrl(url, source), context, project: null, source };
}

/** The switch of a configuration, whatever else is named. Throws SwitchProblem. */
export async function configured(project: Project): Promise<Target> {
  const { killSwitch } = project.config;
  const { file, line } = project.where(["killSwitch"]);
  const source = `${file}:${line}`;
  if (killSwitch === undefined) throw new SwitchProblem("refused", nothingNamed(project));
  if (!("provider" in killSwitch)) {
    const { rehearse: _twins, ...real } = killSwitch;
    return { kind: "foreign", killSwitch: real, project, source };
  }
  const { contextOf } = await import("../doors/context.ts");
  const filling = contextOf(project);
  const url = baseUrl(await filled(killSwitch.url, filling, "url"), `${source}: killSwitch.url`);
  const token = await filled(killSwitch.token, filling, "none");
  // What this switch says is shown as it says it: its log must still match its hashes.
  const secrets: Secrets = { ...project.secrets, redact: hiding(token, "token") };
  return { kind: "own", url, context: { ...filling, secrets, headers: signedIn(token) }, project, source };
}

async function filled(text: string, context: CallContext, encoding: "url" | "none"): Promise<string> {
  const [{ fill, Unfilled }, { MissingSecret }] = await Promise.all([
    import("../config/template.ts"),
    import("../config/secrets.ts"),
  ]);
  try {
    return await fill(text, context, encoding);
  } catch (error) {
    if (error instanceof MissingSecret || error instanceof Unfilled) throw new SwitchProblem("refused", error.message);
    throw error;
  }
}

function signedIn(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function hiding(token: string, name: string): (text: string) => string {
  const redactor = createRedactor();
  redactor.learn(name, token);
  return (text) => redactor.redact(text);
}

/** The part of a URL that the paths of the API are added to. */
function baseUrl(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new SwitchProblem(
      "refused",
      `${source} takes a URL such as https://stop.example.net, not "${publicUrl(text)}"`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** The switch as messages name it. */
export async function nameOfTarget(target: Target, scope: string): Promise<string> {
  if (target.kind === "own") return target.url;
  const [{ contextOf }, { describeCall }] = await Promise.all([
    import("../doors/context.ts"),
    import("../doors/describe.ts"),
  ]);
  return describeCall(target.killSwitch.activate, contextOf(target.project, { scope }));
}
