import type { Project } from "../config/project.ts";
import { printable } from "../report/printable.ts";
import type { Surroundings } from "./surroundings.ts";

/** Says what a rehearsal that was killed left pulled (contract, 2.4 step 0): every command does that reads the configuration. */
export async function sayWhatIsLeft(
  project: Pick<Project, "directory"> | null,
  { stderr }: Pick<Surroundings, "stderr">,
): Promise<void> {
  if (project === null) return;
  const { sayLeftovers } = await import("../rehearsal/leftover-words.ts");
  await sayLeftovers({ project, progress: { say: (text) => void stderr.write(`${printable(text)}\n`) } });
}
