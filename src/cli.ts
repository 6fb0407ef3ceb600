import type { Surroundings } from "./commands/surroundings.ts";
import { version } from "./version.ts";

/** The only file that touches `process`: arguments in, exit status out, signals into an AbortSignal. */

const argv = process.argv.slice(2);
// A version is asked for by scripts, often: it must not wait for anything to load.
if (argv.length === 1 && argv[0] === "--version") process.stdout.write(`${version}\n`);
else await run();

async function run(): Promise<void> {
  const ending = new AbortController();
  let onSignal = sayPuttingBack;
  const crash = endCleanly(ending, (again) => onSignal(again));
  process.stdout.on("error", ignoreClosed);
  // Where standard error is gone there is nobody to tell, and putting back goes on.
  process.stderr.on("error", () => undefined);
  const [{ main }, { systemClock }] = await Promise.all([import("./commands/main.ts"), import("./values/clock.ts")]);
  const surroundings: Surroundings = {
    argv,
    cwd: process.cwd(),
    env: process.env,
    // Opened only by who asks for it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    signal: ending.signal,
    set onSignal(said: (again: boolean) => void) {
      onSignal = said;
    },
    clock: systemClock,
    version,
  };
  const status = await main(surroundings);
  process.exitCode = crash.seen && status !== 4 ? 2 : status;
}

/**
 * However the run is told to end, what it pulled is put back first: signals and even a mistake of ours abort it
 * cleanly, and a second signal hurries nothing.
 */
function endCleanly(ending: AbortController, onSignal: (again: boolean) => void): { seen: boolean } {
  const crash = { seen: false };
  const end = () => {
    onSignal(ending.signal.aborted);
    ending.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const crashed = (error: unknown) => {
    crash.seen = true;
    process.exitCode = 2;
    const { name, stack } = error instanceof Error ? error : new Error(String(error));
    // Not the message: nothing here knows which secrets it might hold.
    process.stderr.write(`clawproof: unexpected ${name} (CLAWPROOF_DEBUG=1 shows where)\n`);
    if (process.env["CLAWPROOF_DEBUG"] === "1") process.stderr.write(`${stack ?? ""}\n`);
    ending.abort();
  };
  process.on("uncaughtException", crashed);
  process.on("unhandledRejection", crashed);
  return crash;
}

function sayPuttingBack(again: boolean): void {
  process.stderr.write(
    again ? "still putting back what was pulled\n" : "interrupted: putting back whatever was pulled\n",
  );
}

/** A reader that has seen enough (`| head`), or a terminal that was closed, is no error. */
function ignoreClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
}
