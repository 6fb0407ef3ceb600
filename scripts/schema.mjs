// Writes the files of schema/ from the schemas that the loader checks with. `--check` only compares.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");

const bundled = await build({
  entryPoints: [join(ROOT, "src/config/json-schema.ts")],
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "node20",
});
const { publishedSchema, publishedSwitchSchema } = await import(
  `data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].contents).toString("base64")}`
);
const schemas = { "clawproof.schema.json": publishedSchema(), "switch.schema.json": publishedSwitchSchema() };
await mkdir(join(ROOT, "schema"), { recursive: true });
for (const [name, schema] of Object.entries(schemas)) {
  const target = join(ROOT, "schema", name);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!process.argv.includes("--check")) {
    await writeFile(target, text);
    continue;
  }
  const standing = await readFile(target, "utf8").catch(() => "");
  if (standing === text) continue;
  console.error(`schema/${name} is not what src/config says: run \`npm run schema\``);
  process.exitCode = 1;
}
