import type { ActionRecord } from "../../ledger/record.ts";
import { holdsRedacted } from "../../ledger/sealing.ts";
import { readCaptured } from "./captured.ts";
import { readGiven } from "./given.ts";
import { targetOf } from "../step.ts";
import type { SqlTask } from "./task.ts";

const REDACTED =
  "what its rows held was redacted in the ledger and cannot be put back, by --force neither: do it by hand";

/** The task of an action, from the rows that were captured or else from what the action itself gave; or why there is none. */
export function taskOf(
  record: ActionRecord,
  { table, key, ignore }: { table: string; key: readonly string[]; ignore: readonly string[] },
  { forced, resumed }: { forced: boolean; resumed: boolean },
): SqlTask | { why: string } {
  const hasCaptured = record.captured !== undefined && record.captured !== null;
  const needed = hasCaptured ? record.captured : [record.before, record.after, record.undo?.key];
  // By force neither: a mark is no value, and rows that cannot be compared may be somebody else's by now.
  if (holdsRedacted(needed)) return { why: REDACTED };
  const subject = hasCaptured ? subjectOf("captured", readCaptured(record.captured)) : givenOf(record, key);
  if ("why" in subject) return subject;
  return { id: record.id, target: targetOf(record), table, subject, ignore, forced, resumed };
}

function givenOf(record: ActionRecord, key: readonly string[]): SqlTask["subject"] | { why: string } {
  return subjectOf("given", readGiven(key, { ...record, key: record.undo?.key }));
}

function subjectOf<Name extends string, T extends object>(
  name: Name,
  read: T | { why: string },
): Record<Name, T> | { why: string } {
  return "why" in read ? read : ({ [name]: read } as Record<Name, T>);
}
