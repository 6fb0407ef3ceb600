import type { Call } from "../config/call.ts";
import type { Project } from "../config/project.ts";
import { MissingSecret } from "../config/secrets.ts";
import { fill, parseTemplate, secretsIn } from "../config/template.ts";
import { hostOf, isThisMachine, originOf, resolveHost } from "../doors/address.ts";
import { contextOf } from "../doors/context.ts";
import type { CallContext } from "../doors/door.ts";
import { deployTool, deployUrl } from "./deploy-tools.ts";
import type { KillSwitchFacts } from "./facts.ts";

/** What agent and switch share, as far as the configuration and name look-ups show it (contract, 2.3 on 05.1). */

/** The calls that are the switch, and those that are the agent. */
export interface Sides {
  switchCalls: Call[];
  agentCalls: Call[];
}

export function sidesOf(project: Project): Sides {
  const { killSwitch, agent, breaker } = project.config;
  const switchCalls = [killSwitch?.status, killSwitch?.activate, killSwitch?.release, killSwitch?.log];
  const probes = agent.probes;
  const agentCalls = [
    probes?.read,
    probes?.write,
    probes?.user,
    probes?.run,
    probes?.sink,
    ...Object.values(probes?.writes ?? {}).flatMap((one) => [one, one.state]),
    breaker?.rehearse?.open,
    breaker?.rehearse?.close,
  ];
  return {
    switchCalls: switchCalls.filter((one) => one !== undefined),
    agentCalls: agentCalls.filter((one) => one !== undefined),
  };
}

/** The absolute URLs of a side; one whose secret is not set is left out, and said where it is needed. */
async function urlsOf(calls: readonly Call[], context: CallContext): Promise<string[]> {
  const urls: string[] = [];
  for (const written of calls.flatMap(addressesIn)) {
    const url = await filled(written, context);
    if (url !== null) urls.push(url);
  }
  return urls;
}

/** The URL of a request; of a command, the words that are one: what curl is told to call is what is called. */
function addressesIn(call: Call): string[] {
  if ("url" in call) return call.url.startsWith("/") ? [] : [call.url];
  return call.command.flatMap(
    (word) => /(?:https?:\/\/|^\$\{[A-Z][A-Z0-9_]*(?::-[^}]*)?\}\/).*/is.exec(word)?.[0] ?? [],
  );
}

async function filled(template: string, context: CallContext): Promise<string | null> {
  const { parts } = parseTemplate(template);
  // Only the origin matters here: a placeholder in the path or the query needs no value of its own.
  const neutral = Object.fromEntries(parts.flatMap((part) => (part.kind === "placeholder" ? [[part.name, "x"]] : [])));
  try {
    return await fill(template, { ...context, placeholders: { ...neutral, ...context.placeholders } }, "url");
  } catch (error) {
    if (error instanceof MissingSecret) return null;
    throw error;
  }
}

export async function originsOf(project: Project): Promise<{ agent: Set<string>; killSwitch: Set<string> }> {
  const context = contextOf(project);
  const { switchCalls, agentCalls } = sidesOf(project);
  const agentUrls = await urlsOf(agentCalls, context);
  const own = project.config.agent.url === undefined ? null : await filled(project.config.agent.url, context);
  if (own !== null) agentUrls.push(own);
  const origins = (urls: string[]): Set<string> =>
    new Set(urls.map((url) => originOf(withOneLoopback(url))).filter((origin) => origin !== null));
  return { agent: origins(agentUrls), killSwitch: origins(await urlsOf(switchCalls, context)) };
}

/** `localhost` and `127.0.0.1` with one port are one service. */
function withOneLoopback(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?)(?:localhost|\[::1\])(?=[:/?#]|$)/i, "$1127.0.0.1");
}

/** What all addresses of this machine count as: 127.0.0.2 and its name in the network are one host. */
const THIS_MACHINE = "127.0.0.1";

/** Addresses that hosts of both sides resolve to. */
export async function sharedHosts(
  agent: ReadonlySet<string>,
  killSwitch: ReadonlySet<string>,
): Promise<KillSwitchFacts["hosts"]> {
  const addresses = async (origins: ReadonlySet<string>): Promise<{ found: Set<string>; why: string | null }> => {
    const found = new Set<string>();
    let why: string | null = null;
    for (const host of new Set([...origins].map(hostOf))) {
      if (host === null) continue;
      const resolved = await resolveHost(host);
      if ("why" in resolved) why ??= resolved.why;
      else for (const address of resolved.addresses) found.add(isThisMachine(address) ? THIS_MACHINE : address);
    }
    return { found, why };
  };
  const [ofAgent, ofSwitch] = await Promise.all([addresses(agent), addresses(killSwitch)]);
  return {
    common: [...ofAgent.found].filter((address) => ofSwitch.found.has(address)),
    unresolved: ofAgent.why ?? ofSwitch.why,
  };
}

/**
 * Secrets that both run with: by name, and by value where both are set. What it takes to pull and to release is the
 * switch's credential too, listed or not; what it takes to ask, or to try a release as the agent, is not.
 */
export async function sharedCredentials(project: Project): Promise<{ shared: string[]; unlisted: string | null }> {
  const { agent, killSwitch } = project.config;
  const ofAgent = agent.credentials ?? [];
  const listed = killSwitch?.credentials ?? [];
  const ofSwitch = [...new Set([...listed, ...secretsIn(pullingCalls(killSwitch))])];
  const shared = ofSwitch.filter((name) => ofAgent.includes(name));
  const valueOf = async (name: string): Promise<string | null> => {
    if (!(await project.secrets.has(name))) return null;
    return project.secrets.get(name).catch(() => null); // What cannot be read cannot be compared; it is said where it is needed.
  };
  for (const name of ofSwitch) {
    const value = await valueOf(name);
    for (const other of ofAgent) {
      if (other === name || value === null || value !== (await valueOf(other))) continue;
      shared.push(`${name} (the same value as ${other})`);
    }
  }
  const missing = [
    ofAgent.length === 0 ? "agent.credentials" : "",
    listed.length === 0 ? "killSwitch.credentials" : "",
  ];
  const unlisted = missing.filter((one) => one !== "");
  return { shared, unlisted: unlisted.length === 0 ? null : `${unlisted.join(" and ")} not listed` };
}

function pullingCalls(killSwitch: Project["config"]["killSwitch"]): Call[] {
  if (!killSwitch) return [];
  return [killSwitch.activate, ...(killSwitch.release ? [killSwitch.release] : [])];
}

/** The project as `--offline` may read it: secrets that a command prints count as not set. */
export function withoutSecretCommands(project: Project): Project {
  const { secrets } = project;
  const runs = (name: string): boolean => "command" in (project.config.secrets?.[name] ?? {});
  return {
    ...project,
    secrets: {
      get: async (name) => {
        if (runs(name)) throw new MissingSecret(name, "--offline runs no command");
        return secrets.get(name);
      },
      has: async (name) => !runs(name) && (await secrets.has(name)),
      redact: (text) => secrets.redact(text),
    },
  };
}

/** The deploy that `activate` is; null where it is a call. */
export async function deployOf(call: Call, project: Project): Promise<string | null> {
  if ("command" in call) return deployTool(call.command);
  const url = await filled(call.url, contextOf(project));
  return url === null ? null : deployUrl(url);
}
