import { constants } from "node:os";
import type { Readable } from "node:stream";
import { systemClock } from "../values/clock.ts";
import { CallFailed, type Failure } from "./door.ts";
import { endGroup } from "./process-group.ts";
import { errorCode, limitWords } from "./words.ts";

const MOST_BYTES = 1024 * 1024;
/** How long output is waited for once the program itself has ended: what it left running may hold the pipe for good. */
const LAST_OUTPUT_MS = 200;

export interface ProgramRun {
  /** Program and arguments, filled in; no shell sees them. */
  argv: readonly string[];
  stdin?: string;
  /** After which it is ended, with all that it started. */
  timeoutMs: number;
  signal?: AbortSignal;
  directory: string;
  /** Laid over our own environment, which is inherited. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Hides secrets in what it prints and in what is said about it. */
  redact(text: string): string;
}

/** Times are of the monotonic clock, in milliseconds; `exit` is 128 + N where signal N ended it. */
export interface ProgramOutcome {
  exit: number;
  stdout: string;
  stderr: string;
  sentAt: number;
  arrivedAt: number;
}

/**
 * Runs a program to its end. Past its limit, when aborted, or once it has printed more than 1 MB, it is ended with all
 * that it started. What it leaves running when it ends by itself is its own affair (a restart leaves the agent).
 * Throws CallFailed.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramOutcome> {
  const { execa } = await import("execa");
  const [program = "", ...args] = run.argv;
  const sentAt = systemClock.monotonic();
  const failed = ({ kind, why }: Failure): CallFailed =>
    new CallFailed(kind, run.redact(why), sentAt, systemClock.monotonic());
  if (run.signal?.aborted) throw failed(INTERRUPTED);
  if (run.argv.join("").includes("\0")) throw failed({ kind: "other", why: "no program can be given a NUL character" });
  const subprocess = execa(program, args, {
    cwd: run.directory,
    env: { ...run.env },
    ...(run.stdin === undefined ? { stdin: "ignore" } : { input: run.stdin }),
    buffer: false,
    // A process group of its own, so that children can be ended with it.
    detached: true,
    reject: false,
  });
  const limits = enforceLimits(run, program, subprocess);
  const stdout = collect(subprocess.stdout, limits.overflow);
  const stderr = collect(subprocess.stderr, limits.overflow);
  const result = await subprocess;
  const broken = await limits.end();
  if (broken !== null) throw failed(broken);
  const exit = exitStatus(result);
  if (exit === null) throw failed(startFailure(program, result.cause));
  const arrivedAt = systemClock.monotonic();
  return { exit, stdout: run.redact(stdout()), stderr: run.redact(stderr()), sentAt, arrivedAt };
}

const INTERRUPTED: Failure = { kind: "aborted", why: "interrupted" };

/** Of a started program, what its limits need. */
interface Running {
  pid?: number | undefined;
  stdout: Readable | null;
  stderr: Readable | null;
  once(event: "exit", listener: () => void): unknown;
}

interface Limits {
  overflow: () => void;
  /** To be called when the program has ended; resolves, once its group has ended too, to the limit that it broke. */
  end: () => Promise<Failure | null>;
}

function enforceLimits(run: ProgramRun, program: string, subprocess: Running): Limits {
  const { pid } = subprocess;
  let broken: Promise<Failure> | null = null;
  const stop = (failure: Failure): void => {
    if (pid !== undefined) broken ??= endGroup(pid).then(() => failure);
  };
  const interrupt = (): void => {
    stop(INTERRUPTED);
  };
  run.signal?.addEventListener("abort", interrupt);
  const timer = setTimeout(() => {
    stop({ kind: "timeout", why: `${program} did not end in ${limitWords(run.timeoutMs)}` });
  }, run.timeoutMs);
  let lastOutput: NodeJS.Timeout | undefined;
  const release = (): void => {
    clearTimeout(timer);
    clearTimeout(lastOutput);
    run.signal?.removeEventListener("abort", interrupt);
  };
  subprocess.once("exit", () => {
    release();
    lastOutput = setTimeout(() => {
      subprocess.stdout?.destroy();
      subprocess.stderr?.destroy();
    }, LAST_OUTPUT_MS);
  });
  return {
    overflow() {
      stop({ kind: "too-large", why: `${program} printed more than 1 MB` });
    },
    async end() {
      release();
      return broken;
    },
  };
}

/** Keeps what a stream says, up to the limit; the text is there once the program has ended. */
function collect(stream: Readable | null, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) overflow();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

/** As a shell counts; null where the program never ran. */
function exitStatus({ exitCode, signal }: { exitCode?: number; signal?: NodeJS.Signals }): number | null {
  if (exitCode !== undefined) return exitCode;
  return signal === undefined ? null : 128 + constants.signals[signal];
}

function startFailure(program: string, cause: unknown): Failure {
  switch (errorCode(cause)) {
    case "ENOENT":
    case "ENOTDIR":
      return { kind: "not-found", why: `${program} was not found` };
    case "EACCES":
      return { kind: "other", why: `${program} may not be run (permission denied)` };
    case "E2BIG":
      return { kind: "other", why: `${program} was given more arguments than this machine allows` };
    default:
      return { kind: "other", why: `${program} could not be started` };
  }
}
