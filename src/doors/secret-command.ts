import { CallFailed } from "./door.ts";

const LIMIT_MS = 10_000;

/** What the command of a secret prints. Throws an Error whose message is for a person and holds none of its output. */
export async function readSecretCommand(argv: readonly string[], directory: string): Promise<string> {
  const program = argv[0] ?? "";
  const { runProgram } = await import("./program.ts");
  try {
    // Its output is the secret itself, so nothing of it is ever shown, not even of what it says of an error.
    const { exit, stdout } = await runProgram({ argv, timeoutMs: LIMIT_MS, directory, redact: (text) => text });
    if (exit === 0) return stdout;
    throw new Error(`${program} ended with exit ${exit}`);
  } catch (error) {
    if (error instanceof CallFailed) throw new Error(`${program}: ${error.why}`, { cause: error });
    throw error;
  }
}
