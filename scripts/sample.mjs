// The README's first command: builds clawproof, starts the sample agent with its own kill switch, audits it, shows the
// report and its exit status, and ends everything it started; where the sample is one that is drilled, it drills first. `npm run sample -- ready` takes another fixture.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const NAME = process.argv[2] ?? "needs-attention";

/** Runs a program with our terminal; resolves to its exit status. */
function run(argv, cwd = ROOT) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { cwd, stdio: "inherit" });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ? 1 : code));
  });
}

async function mustRun(argv) {
  const status = await run(argv);
  if (status !== 0) throw new Error(`\`${argv.join(" ")}\` ended with status ${status}`);
}

async function main() {
  if (!existsSync(join(ROOT, "node_modules", "yaml"))) await mustRun(["npm", "ci"]);
  await mustRun([process.execPath, "scripts/build.mjs"]);
  const { stage, start, unstage, listFixtures, readOverlay } = await import("../fixtures/stage.mjs");
  const names = await listFixtures();
  if (!names.includes(NAME)) throw new Error(`no fixture is named ${NAME}; there are: ${names.join(", ")}`);

  const folder = await stage(NAME);
  let sample;
  // The audit is ended by the terminal's own signal and puts back what it pulled; we only wait for it.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  try {
    console.log(
      `Starting the sample agent (${NAME}): an agent, its kill switch and an alert sink, each its own process.`,
    );
    sample = await start(folder);
    const clawproof = [process.execPath, join(ROOT, "bin", "clawproof.js")];
    if ((await readOverlay(NAME)).drill === true) {
      console.log("$ clawproof drill\n");
      console.log(`\nexit status ${await run([...clawproof, "drill"], folder)}`);
    }
    console.log("$ clawproof --check 05\n");
    const status = await run([...clawproof, "--check", "05"], folder);
    console.log(`\nexit status ${status}`);
  } finally {
    await sample?.stop();
    await unstage(folder);
  }
}

main().catch((error) => {
  console.error(`sample: ${error.message}`);
  process.exitCode = 1;
});
