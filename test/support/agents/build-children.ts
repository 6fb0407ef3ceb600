import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { afterThisFile } from "../ending.ts";

const ROOT = join(import.meta.dirname, "../../..");

/**
 * Bundles programs of this folder that a test runs as processes of their own, to be killed, with the guardian beside them;
 * gives the folder that holds `NAME.js`. It is gone after the tests of the file.
 */
export async function buildChildren(...names: string[]): Promise<string> {
  const cache = join(ROOT, "node_modules/.cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "clawproof-test-"));
  afterThisFile(() => rm(folder, { recursive: true, force: true }));
  await build({
    entryPoints: [
      ...names.map((name) => ({ in: join(import.meta.dirname, `${name}.ts`), out: name })),
      { in: join(ROOT, "src/doors/guardian-child.mjs"), out: "guardian-child" },
    ],
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    packages: "external",
  });
  return folder;
}
