import type { Project } from "../config/project.ts";
import { sayWhatIsLeft } from "./leftovers.ts";
import type { Surroundings } from "./surroundings.ts";

/** The options that every command on drills has. */
export interface DrillFlagsOfAll {
  config?: string;
  env?: string;
  format: string;
}

/** The project whose drills are asked about. Throws InvalidConfig. */
export async function drillProject(
  { config, env: environment }: Pick<DrillFlagsOfAll, "config" | "env">,
  { cwd, env, stderr }: Pick<Surroundings, "cwd" | "env" | "stderr">,
): Promise<Project> {
  const { loadProject } = await import("../config/load.ts");
  const project = await loadProject({
    cwd,
    env: { ...env },
    ...(config === undefined ? {} : { file: config }),
    ...(environment === undefined ? {} : { environment }),
  });
  await sayWhatIsLeft(project, { stderr });
  return project;
}
