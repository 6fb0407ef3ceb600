import { access } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The nearest clawproof.yaml upward from `from`, not above the repository's root; null where there is none. */
export async function findConfig(from: string): Promise<string | null> {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "clawproof.yaml");
    if (await exists(candidate)) return candidate;
    if ((await exists(join(folder, ".git"))) || dirname(folder) === folder) return null;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
