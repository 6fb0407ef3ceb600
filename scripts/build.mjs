import { cp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Bundles the program into dist/: one file per entry, and chunks that are loaded on use. Drivers, undici and execa stay
 * outside: they are heavy, and many a run needs none of them. So does standardwebhooks: of a CommonJS package that is
 * imported on use, a bundle keeps no names.
 */

const root = fileURLToPath(new URL("..", import.meta.url));

/** zod carries its messages in fifty languages; the program speaks one. */
const oneLocale = {
  name: "one-locale",
  setup({ onLoad }) {
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
      loader: "js",
    }));
  },
};

await rm(`${root}dist`, { recursive: true, force: true });
const built = build({
  absWorkingDir: root,
  // What agents import stands apart from the program; what both use is in chunks that they share. The children are
  // started as processes of their own, by their names beside the bundle.
  entryPoints: [
    { in: "src/cli.ts", out: "cli" },
    { in: "src/index.ts", out: "index" },
    { in: "src/databases/sqlite-child.mjs", out: "sqlite-child" },
    { in: "src/doors/module-child.mjs", out: "module-child" },
    { in: "src/doors/guardian-child.mjs", out: "guardian-child" },
  ],
  outdir: "dist",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // The API of OpenTelemetry must be the copy that the agent itself has registered with.
  external: ["@opentelemetry/api", "libsql", "pg", "mysql2", "undici", "execa", "standardwebhooks"],
  plugins: [oneLocale],
  // commander and yaml are CommonJS and require Node's own modules.
  banner: {
    js: 'import { createRequire as createRequireOf } from "node:module";\nconst require = createRequireOf(import.meta.url);',
  },
  logLevel: "warning",
});
// What browsers get from the switch is served as it is.
await cp(`${root}src/switch/service/page`, `${root}dist/page`, {
  recursive: true,
  filter: (path) => !path.endsWith(".ts"),
});
// esbuild has said what is wrong, with file and line.
await built.catch(() => {
  process.exitCode = 1;
});
