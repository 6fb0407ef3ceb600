import type { Call } from "../../config/call.ts";
import { complaintOf } from "../../doors/complaint.ts";
import { answerJson } from "../../doors/reading.ts";
import { CallFailed, type Answer, type CallContext, type FailureKind } from "../../doors/door.ts";
import { matches } from "../../doors/expectation.ts";
import { send } from "../../doors/send.ts";
import type { ActionRecord } from "../../ledger/record.ts";
import { readPointer } from "../../values/pointer.ts";
import { UndoFailed, type UndoContext } from "../undo-function.ts";
import { type Compensator, LIMIT_MS } from "./compensator.ts";

/** Failures after which nobody knows whether the other side did it. */
const UNCERTAIN: ReadonlySet<FailureKind> = new Set(["timeout", "too-large", "aborted"]);
/** Of connections: refused means that nothing was sent. */
const CERTAIN = /connection refused|no connection in/;
const SERVER_ERROR = 500;
const ABSENT = new Set([404, 410]);

const fieldsOf = (record: ActionRecord): Readonly<Record<string, unknown>> => ({ ...record });

function contextFor(record: ActionRecord, { signal, idempotencyKey }: UndoContext, context: CallContext): CallContext {
  return {
    ...context,
    timeoutMs: LIMIT_MS,
    record: fieldsOf(record),
    signal,
    headers: { "idempotency-key": idempotencyKey },
  };
}

async function asked(call: Call, context: CallContext): Promise<Answer> {
  try {
    return await send(call, context);
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    const isUncertain = (UNCERTAIN.has(error.kind) || error.kind === "gone") && !CERTAIN.test(error.why);
    throw new UndoFailed(error.why, isUncertain);
  }
}

/** `http`: a request with the action's fields, and a key by which a second one is known again. */
export function httpUndo(call: Call, context: CallContext): Compensator["undo"] {
  return async (record, undo) => {
    const answer = await asked(call, contextFor(record, undo, context));
    const match = matches(answer, call.expect);
    if (match.met) return;
    throw new UndoFailed(match.why, answer.via === "http" && answer.status >= SERVER_ERROR);
  };
}

/** The record as JSON for a command. Nothing in it is filled in that looks like a placeholder in somebody's data. */
const recordText = (record: ActionRecord): string => JSON.stringify(record).replaceAll("${", () => "$${");

/** `command`: a program that reads the record as JSON on its standard input. */
export function commandUndo(argv: readonly string[], context: CallContext): Compensator["undo"] {
  return async (record, undo) => {
    const call = { command: [...argv], stdin: recordText(record) };
    const answer = await asked(call, contextFor(record, undo, context));
    if (answer.via === "command" && answer.exit === 0) return;
    const how = answer.via === "command" ? `ended with exit status ${answer.exit}` : "did not run";
    throw new UndoFailed(`${argv[0] ?? "the command"} ${how}${complaintOf(answer)}`);
  };
}

/**
 * `state` as a request or a command: its JSON, or what `at` points at in it. A thing that is not there (404, 410, where
 * `expect` says nothing else) is null, as in an action's `before` and `after`. A command reads the record as that of an
 * undo does, unless it says what else stands on its standard input.
 */
export function callState(call: Call & { at?: string | undefined }, context: CallContext) {
  const { at = "", ...plain } = call;
  return async (record: ActionRecord, undo: UndoContext): Promise<unknown> => {
    const call = "command" in plain ? { stdin: recordText(record), ...plain } : plain;
    const answer = await asked(call, contextFor(record, undo, context));
    if (answer.via === "http" && plain.expect === undefined && ABSENT.has(answer.status)) return null;
    const match = matches(answer, plain.expect);
    if (!match.met) throw new UndoFailed(`${match.why}${complaintOf(answer)}`);
    const json = answerJson(answer);
    if ("why" in json) throw new UndoFailed(json.why);
    const read = readPointer(json.value, at);
    if (!read.found) throw new UndoFailed(`the answer has nothing at ${at}`);
    return read.value;
  };
}
