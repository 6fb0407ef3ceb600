import type { Readable } from "node:stream";
import type { Clock } from "../values/clock.ts";

/** Where text goes: a terminal, a pipe, a file, or a list in a test. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** Everything a command may know of the process it runs in; only `src/cli.ts` knows the process itself. */
export interface Surroundings {
  /** Arguments, without node and the script. */
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  stdin: Readable & { isTTY?: boolean | undefined };
  stdout: Output;
  stderr: Output;
  /** Aborted when the run is to end: put back what was pulled first. */
  signal: AbortSignal;
  /** Called at a signal, and `again` at every further one; who has nothing to put back says something else here. */
  onSignal?: (again: boolean) => void;
  clock: Clock;
  version: string;
}
