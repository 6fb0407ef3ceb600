import { nearest } from "../config/problems.ts";
import type { FleetAnswer, FleetInstance } from "../switch/protocol/messages.ts";
import { askJson } from "./own.ts";
import type { OwnTarget } from "./target.ts";

/** The instances that a scope covers, or all. Throws SwitchProblem. */
export async function readFleet(target: OwnTarget, scope: string | null, signal?: AbortSignal): Promise<FleetAnswer> {
  const query = scope === null ? "" : `?scope=${encodeURIComponent(scope)}`;
  const { body } = await askJson<FleetAnswer>(target, { path: `/v1/fleet${query}`, signal }, "instances");
  return body;
}

/** An agent that has reported to the switch, and how many instances of it are known. */
export interface KnownAgent {
  name: string;
  instances: number;
}

/** By name. */
export function agentsOf(instances: readonly FleetInstance[]): KnownAgent[] {
  const counts = new Map<string, number>();
  for (const { agent } of instances) counts.set(agent, (counts.get(agent) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, instances: count })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The scope that was probably meant where nothing ever reported under this one: another agent's name, or another
 * version of the agent. Undefined where nothing is near.
 */
export function meantScope(scope: string, instances: readonly FleetInstance[]): string | undefined {
  const [, drill = "", agent = "", version, rest = ""] = /^(drill\/)?([^@/]*)(?:@([^/]*)|(\/.*))?$/.exec(scope) ?? [];
  const names = agentsOf(instances).map(({ name }) => name);
  if (version !== undefined && names.includes(agent)) {
    const versions = instances.filter((one) => one.agent === agent).flatMap((one) => one.version ?? []);
    const near = nearest(version, versions) ?? versions[0];
    return near === undefined || near === version ? undefined : `${drill}${agent}@${near}`;
  }
  const name = nearest(agent, names);
  if (name === undefined || name === agent) return undefined;
  return `${drill}${name}${version === undefined ? rest : `@${version}`}`;
}
