// Writes schema/clawproof.schema.json from the schema that the loader checks with. `--check` only compares.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const TARGET = join(ROOT, "schema", "clawproof.schema.json");

const bundled = await build({
  entryPoints: [join(ROOT, "src/config/json-schema.ts")],
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "node20",
});
const { publishedSchema } = await import(
  `data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].contents).toString("base64")}`
);
const text = `${JSON.stringify(publishedSchema(), null, 2)}\n`;
if (process.argv.includes("--check")) {
  const standing = await readFile(TARGET, "utf8").catch(() => "");
  if (standing !== text) {
    console.error("schema/clawproof.schema.json is not what src/config/schema.ts says: run `npm run schema`");
    process.exitCode = 1;
  }
} else {
  await mkdir(join(ROOT, "schema"), { recursive: true });
  await writeFile(TARGET, text);
}
