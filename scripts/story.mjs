// `npm run story`: the Friday, in about a minute, on the guarded sample. Everything in it is the real thing, and what it
// tells is checked while it happens: exit 0 only where all of it did. `--no-build` takes the program as it was built last.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const over = new AbortController();

async function mustRun(argv) {
  const status = await new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { cwd: ROOT, stdio: "inherit" });
    child.once("error", reject);
    child.once("close", resolve);
  });
  over.signal.throwIfAborted();
  if (status !== 0) throw new Error(`\`${argv.join(" ")}\` ended with status ${status}`);
}

async function main() {
  const { values } = parseArgs({ options: { "no-build": { type: "boolean", default: false } } });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => over.abort(new Error(`interrupted (${signal})`)));
  // Whoever read along has gone (`| head`): what runs must end all the same.
  process.stdout.on("error", () => over.abort(new Error("nobody reads this any more")));
  if (!existsSync(join(ROOT, "node_modules", "yaml"))) await mustRun(["npm", "ci"]);
  if (!values["no-build"]) await mustRun([process.execPath, "scripts/build.mjs"]);
  const [{ Scene }, { Terminal }, { play }] = await Promise.all([
    import("./story/scene.mjs"),
    import("./story/terminal.mjs"),
    import("./story/acts.mjs"),
  ]);
  const scene = new Scene(over.signal);
  try {
    await play(scene, new Terminal(over.signal));
  } catch (error) {
    if (!over.signal.aborted) process.stderr.write(scene.errors());
    throw error;
  } finally {
    await scene.close();
  }
}

main().catch((error) => {
  const isOver = over.signal.aborted;
  const words = isOver ? "interrupted; everything it started is ended" : `this did not happen: ${error.message}`;
  console.error(`\nstory: ${words}`);
  process.exitCode = isOver ? 130 : 1;
});
