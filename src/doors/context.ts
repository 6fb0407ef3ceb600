import type { Project } from "../config/project.ts";
import type { PlaceholderValues } from "../config/template.ts";
import type { CallContext } from "./door.ts";

/** The context in which a project's calls are made: relative URLs start at `agent.url`, paths beside clawproof.yaml. */
export function contextOf(
  project: Project,
  placeholders: PlaceholderValues = {},
  more: Partial<Omit<CallContext, "placeholders">> = {},
): CallContext {
  const { config, environment, secrets, directory, env, file } = project;
  return {
    secrets,
    placeholders: environment === null ? placeholders : { environment, ...placeholders },
    http: config.http ?? {},
    directory,
    configFile: file,
    env,
    ...(config.agent.url === undefined ? {} : { base: config.agent.url }),
    ...more,
  };
}
