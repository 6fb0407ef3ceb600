import type { Call } from "../config/call.ts";
import type { Project } from "../config/project.ts";
import { contextOf } from "../doors/context.ts";
import type { Answer } from "../doors/door.ts";
import { describeCall } from "../doors/send.ts";
import type { UserAnswer } from "../evidence/facts.ts";

const MOST_CHARACTERS = 2_000;

/** An answer as whoever asked reads it: to be held against the fallback's text. */
export async function userAnswer(answer: Answer, call: Call, project: Project): Promise<UserAnswer> {
  return {
    status: answer.via === "http" ? answer.status : answer.exit,
    text: wordsIn(answer.via === "http" ? answer.text : answer.stdout),
    source: await describeCall(call, contextOf(project)),
  };
}

/** JSON decoded to the strings in it, white space folded, cut at 2,000 characters. */
export function wordsIn(text: string): string {
  return decoded(text).replace(/\s+/g, " ").trim().slice(0, MOST_CHARACTERS);
}

function decoded(text: string): string {
  try {
    return stringsIn(JSON.parse(text)).join(" ");
  } catch {
    // Not JSON: a page or plain text, which people read as it stands.
    return text;
  }
}

function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
