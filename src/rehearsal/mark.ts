import { randomBytes } from "node:crypto";

/** What a rehearsal writes into its reasons, so that its log entry and its alert can be told from anybody else's. */
export function newMark(): string {
  return `clawproof-${randomBytes(3).toString("hex")}`;
}
