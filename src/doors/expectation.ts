import { isDeepStrictEqual } from "node:util";
import type { CommandExpectation, HttpExpectation } from "../config/call.ts";
import { readPointer } from "../values/pointer.ts";
import { CallFailed, type Answer, type CommandAnswer, type Expectation, type HttpAnswer } from "./door.ts";
import type { Match, Refusal } from "./door.ts";
import { answerJson } from "./reading.ts";

/** Whether an answer is what `expect` describes; where that names no status, 2xx or exit 0 is meant. Never throws. */
export function matches(answer: Answer, expectation: Expectation | undefined): Match {
  const success: Expectation = answer.via === "http" ? { status: SUCCESS } : { exit: 0 };
  const why = difference(answer, { ...success, ...expectation });
  return why === null ? { met: true } : { met: false, why };
}

/** What a probe's answer says about the gate it went through; `why` names an answer that says nothing. */
export type Classification = { kind: "accepted" } | { kind: "refused" } | { kind: "neither"; why: string };

/**
 * Tells accepted from refused as the call describes them (contract, 2.4). `refused` is looked at first: an agent may well
 * refuse with status 200. A connection that was refused, reset or closed is a refusal only where `refused` lists `gone`.
 */
export function classify(
  outcome: Answer | CallFailed,
  call: { expect?: Expectation | undefined; refused?: readonly Refusal[] | undefined },
): Classification {
  if ((call.refused ?? []).some((refusal) => isRefusal(outcome, refusal))) return { kind: "refused" };
  if (outcome instanceof CallFailed) return { kind: "neither", why: outcome.why };
  const match = matches(outcome, call.expect);
  return match.met ? { kind: "accepted" } : { kind: "neither", why: match.why };
}

function isRefusal(outcome: Answer | CallFailed, refusal: Refusal): boolean {
  const { gone = false, ...described } = "gone" in refusal ? refusal : { ...refusal, gone: false };
  if (outcome instanceof CallFailed) return gone && outcome.kind === "gone";
  // An entry that describes nothing would take every answer for a refusal.
  const describesSomething = Object.values(described).some((value) => value !== undefined);
  return !gone && describesSomething && difference(outcome, described) === null;
}

/** Every status of success, so that "2xx" needs no case of its own. */
const SUCCESS = Array.from({ length: 100 }, (_, index) => 200 + index);

/** In what an answer differs from a description, in words; null where in nothing. */
function difference(answer: Answer, described: Expectation): string | null {
  if (answer.via === "http") {
    if (isOfRequests(described)) return httpDifference(answer, described);
    return `${answered(answer)}, but a command was described`;
  }
  if (isOfCommands(described)) return commandDifference(answer, described);
  return `${answered(answer)}, but a request was described`;
}

/** Whether a description fits the answer of a command; an empty one fits both. */
export function isOfCommands(described: Expectation): described is CommandExpectation {
  return !("status" in described || "json" in described || "text" in described);
}

/** Whether a description fits the answer of a request; an empty one fits both. */
export function isOfRequests(described: Expectation): described is HttpExpectation {
  return !("exit" in described || "stdout" in described);
}

function httpDifference(answer: HttpAnswer, { status, text, json }: HttpExpectation): string | null {
  if (status !== undefined && ![status].flat().includes(answer.status)) return answered(answer);
  if (text !== undefined && !answer.text.includes(text)) return `${answered(answer)} without the expected text`;
  return json === undefined ? null : jsonDifference(answer, json);
}

function jsonDifference(answer: HttpAnswer, expected: NonNullable<HttpExpectation["json"]>): string | null {
  const parsed = answerJson(answer);
  if ("why" in parsed) return `${answered(answer)}, and ${parsed.why}`;
  for (const [pointer, value] of Object.entries(expected)) {
    const at = readPointer(parsed.value, pointer);
    if (!at.found) return `${answered(answer)} with nothing at ${pointer}`;
    if (!isDeepStrictEqual(at.value, value)) {
      return `${answered(answer)} with ${brief(at.value)} at ${pointer || "the top"}, not ${brief(value)}`;
    }
  }
  return null;
}

function commandDifference(answer: CommandAnswer, { exit, stdout }: CommandExpectation): string | null {
  if (exit !== undefined && ![exit].flat().includes(answer.exit)) return answered(answer);
  if (stdout !== undefined && !answer.stdout.includes(stdout)) return `${answered(answer)} without the expected text`;
  return null;
}

/** `answered 503`, `ended with exit status 1`: how reports name an answer that was not expected. */
export function answered(answer: Answer): string {
  return answer.via === "http" ? `answered ${answer.status}` : `ended with exit status ${answer.exit}`;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
