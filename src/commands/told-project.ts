import type { Project } from "../config/project.ts";
import { sayWhatIsLeft } from "./leftovers.ts";
import type { Surroundings } from "./surroundings.ts";

/** The options that commands on a project's drills and ledger have. */
export interface ProjectFlags {
  config?: string;
  env?: string;
}

/** The project that a command asks about; what an earlier run left pulled is said first. Throws InvalidConfig. */
export async function toldProject(
  { config, env: environment }: ProjectFlags,
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
