import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The file of a process or thread of ours that stands beside the module whose `import.meta.url` is given: `.mjs` in the
 * sources, an entry of its own in the bundle.
 */
export function fileBeside(name: string, url: string): string {
  const [bundled = name, source = name] = [`./${name}.js`, `./${name}.mjs`].map((file) =>
    fileURLToPath(new URL(file, url)),
  );
  return existsSync(bundled) || !existsSync(source) ? bundled : source;
}
