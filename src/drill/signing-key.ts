import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import type { Project } from "../config/project.ts";
import { MissingSecret } from "../config/secrets.ts";
import { readTextFile, UnreadableFile } from "../doors/file.ts";
import { KeyRefused, readPrivateKey } from "./keys.ts";

/** The secret with the private key in PEM: from `secrets:`, else from the environment. */
export const DRILL_KEY = "CLAWPROOF_DRILL_KEY";

/**
 * The key that a drill signs with: of `--key FILE` (from `cwd`), else of the secret CLAWPROOF_DRILL_KEY; null where
 * neither is there. Throws KeyRefused.
 */
export async function signingKey(
  project: Project,
  { file, cwd }: { file: string | undefined; cwd: string },
): Promise<KeyObject | null> {
  if (file !== undefined) return readPrivateKey(await fileText(resolve(cwd, file), file), file);
  if (!(await project.secrets.has(DRILL_KEY))) return null;
  try {
    return readPrivateKey(await project.secrets.get(DRILL_KEY), DRILL_KEY);
  } catch (error) {
    if (error instanceof MissingSecret) throw new KeyRefused(error.message);
    throw error;
  }
}

async function fileText(path: string, shown: string): Promise<string> {
  try {
    return await readTextFile(path, shown);
  } catch (error) {
    if (error instanceof UnreadableFile) throw new KeyRefused(error.message);
    throw error;
  }
}
