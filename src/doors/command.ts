import type { CommandCall } from "../config/call.ts";
import { MissingSecret } from "../config/secrets.ts";
import { fill, Unfilled } from "../config/template.ts";
import { systemClock } from "../values/clock.ts";
import { CallFailed, type CallContext, type CommandAnswer } from "./door.ts";
import { runProgram } from "./program.ts";

const DEFAULT_LIMIT_MS = 10_000;

/** Runs a call's command and waits for its end; what it printed is redacted. Throws CallFailed. */
export async function sendCommand(call: CommandCall, context: CallContext): Promise<CommandAnswer> {
  const { argv, stdin } = await prepareCommand(call, context);
  const outcome = await runProgram({
    argv,
    ...(stdin === null ? {} : { stdin }),
    timeoutMs: call.timeout ?? context.timeoutMs ?? DEFAULT_LIMIT_MS,
    ...(context.signal ? { signal: context.signal } : {}),
    directory: context.directory,
    env: { ...context.env, ...headerVariables(context.headers ?? {}) },
    redact: (text) => context.secrets.redact(text),
  });
  return { via: "command", ...outcome };
}

/** A command with everything filled in; it holds secrets and is for running only. Throws CallFailed. */
export async function prepareCommand(
  call: CommandCall,
  context: CallContext,
): Promise<{ argv: string[]; stdin: string | null }> {
  try {
    const argv = await Promise.all(call.command.map((word) => fill(word, context)));
    return { argv, stdin: call.stdin === undefined ? null : await fill(call.stdin, context) };
  } catch (error) {
    const now = systemClock.monotonic();
    if (error instanceof MissingSecret) throw new CallFailed("missing-secret", error.message, now, now);
    if (error instanceof Unfilled) throw new CallFailed("other", error.message, now, now);
    throw error;
  }
}

/** What a request says in headers: `traceparent` as CLAWPROOF_TRACEPARENT, `clawproof-drill` as CLAWPROOF_DRILL. */
function headerVariables(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => {
    const bare = name.toLowerCase().replace(/^clawproof-/, "");
    return [`CLAWPROOF_${bare.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`, value] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * What a command under `secrets:` prints, for `createSecrets`. Throws an error whose message is for a person and holds
 * nothing that it printed: that may be half a secret.
 */
export async function readSecretCommand(
  argv: string[],
  { directory, env }: Pick<CallContext, "directory" | "env">,
): Promise<string> {
  const outcome = await runProgram({
    argv,
    timeoutMs: DEFAULT_LIMIT_MS,
    directory,
    ...(env ? { env } : {}),
    redact: (text) => text,
  });
  if (outcome.exit !== 0) throw new Error(`${argv[0] ?? "its command"} ended with exit status ${outcome.exit}`);
  return outcome.stdout;
}
