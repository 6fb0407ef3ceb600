import type { Call } from "../config/call.ts";
import type { Project } from "../config/project.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, CallFailed } from "../doors/door.ts";
import { answered, classify } from "../doors/expectation.ts";
import { answerJson, readThrough } from "../doors/reading.ts";
import { send } from "../doors/send.ts";
import { LIMITS } from "./limits.ts";
import type { Probe } from "./timeline.ts";
import { newTrace } from "./trace.ts";

/** A probe with what came back, for those who look closer. */
export interface Probed extends Probe {
  traceId: string;
  outcome: Answer | CallFailed;
}

/** What every call that is part of a drill says of itself. */
export const DRILL_HEADERS = { "clawproof-drill": "1" } as const;

/**
 * Sends one probe, on a connection of its own and under the trace of `placeholders` or else one of its own, and says
 * whether it was accepted, refused or neither. An interrupted one is neither. Throws nothing that is known.
 */
export async function sendProbe(
  call: Call,
  project: Project,
  placeholders: PlaceholderValues,
  signal?: AbortSignal,
): Promise<Probed> {
  const { id, traceparent } = newTrace(typeof placeholders.trace === "string" ? placeholders.trace : undefined);
  const context = contextOf(
    project,
    { ...placeholders, trace: id },
    { headers: { ...DRILL_HEADERS, traceparent }, fresh: true, ...(signal ? { signal } : {}) },
  );
  const timeout = Math.min(call.timeout ?? LIMITS.probeAnswer, LIMITS.probeAnswer);
  const outcome = await answerOf({ ...call, timeout }, context);
  const failed = outcome instanceof CallFailed;
  return {
    sentAt: outcome.sentAt,
    settledAt: failed ? outcome.failedAt : outcome.arrivedAt,
    heard: classify(outcome, call),
    instance: failed ? null : instanceOf(outcome, project),
    traceId: id,
    outcome,
  };
}

/** Sends a call; a failure is an outcome like any other. */
export async function answerOf(call: Call, context: Parameters<typeof send>[1]): Promise<Answer | CallFailed> {
  try {
    return await send(call, context);
  } catch (error) {
    if (error instanceof CallFailed) return error;
    throw error;
  }
}

function instanceOf(answer: Answer, { config }: Project): string | null {
  const how = config.agent.probes?.instance;
  if (!how) return null;
  if ("header" in how) return answer.via === "http" ? (answer.headers[how.header.toLowerCase()] ?? null) : null;
  const json = answerJson(answer);
  const name = "value" in json ? readThrough(json.value, how.at) : undefined;
  return typeof name === "string" || typeof name === "number" ? String(name) : null;
}

/** How a probe that was not accepted is named: `answered 503`, `connection refused`. */
export function namedOutcome({ heard, outcome }: Probed): string {
  if (heard.kind === "neither") return heard.why;
  return outcome instanceof CallFailed ? outcome.why : answered(outcome);
}
