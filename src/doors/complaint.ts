import type { Answer } from "./door.ts";

const LONGEST = 200;
/** What Node.js and others print below the line that says what happened: where, the rest of an object, the version. */
const BESIDE = /^\s|^[\]})^~]*$|^Node\.js v/;

/** `: ` and the last line of a command's standard error that says why it failed; empty where it says nothing. */
export function complaintOf(answer: Answer): string {
  if (answer.via !== "command") return "";
  const lines = answer.stderr.split("\n").filter((line) => line.trim() !== "");
  const said = lines.findLast((line) => !BESIDE.test(line)) ?? lines.at(-1) ?? "";
  return said === "" ? "" : `: ${said.trim().slice(0, LONGEST)}`;
}
