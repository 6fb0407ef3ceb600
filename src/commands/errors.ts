import { UnknownCheck } from "../audit/select.ts";
import { messageOf } from "../audit/judge.ts";
import { InvalidConfig } from "../config/problems.ts";
import type { Secrets } from "../config/secrets.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

/** What a person reads of an error: known ones in their own words, others on one line with how to see more. */
export function errorLines(error: unknown, redact: (text: string) => string = (text) => text): string {
  if (error instanceof InvalidConfig) return `${error.toString()}\n`;
  if (isKnown(error)) return `clawproof: ${redact(messageOf(error))}\n`;
  return `clawproof: unexpected: ${redact(messageOf(error))} (CLAWPROOF_DEBUG=1 shows where)\n`;
}

/** The stack of an error that nobody expected, for whoever asks with CLAWPROOF_DEBUG=1. */
export function tellStack(error: unknown, { env, stderr }: Surroundings, secrets?: Secrets): void {
  if (env["CLAWPROOF_DEBUG"] !== "1" || isKnown(error) || !(error instanceof Error)) return;
  const stack = error.stack ?? error.message;
  stderr.write(`${secrets ? secrets.redact(stack) : stack}\n`);
}

function isKnown(error: unknown): boolean {
  return error instanceof UsageError || error instanceof UnknownCheck || error instanceof InvalidConfig;
}
