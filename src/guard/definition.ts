import type { ActionDefinition } from "./action-types.ts";
import { checkFunctions, checkMembers, shown } from "./given.ts";
import { readDuration } from "./options.ts";

const KNOWN = {
  ...{ effect: true, target: true, subject: true, finish: true, breaker: true, run: true },
  ...{ before: true, after: true, reference: true, undo: true, undoWithin: true, joins: true },
} satisfies Record<keyof ActionDefinition<never, never>, true>;

/** Throws TypeError for what an action cannot be guarded by, naming what is wrong, whether or not there is a ledger. */
export function checkDefinition(type: string, definition: ActionDefinition<never, unknown>): void {
  const place = `the action ${type}`;
  checkMembers(place, definition, Object.keys(KNOWN));
  const { effect = "write", run, target, subject, before, after, reference, finish, joins } = definition;
  if (typeof run !== "function") throw new TypeError(`${place} has no run: what would be guarded?`);
  if (!["read", "write"].includes(effect)) throw new TypeError(`effect of ${type} must be "read" or "write"`);
  checkFunctions(place, { target, subject, before, after, reference });
  for (const [name, value] of Object.entries({ finish, joins })) {
    if (value === undefined || typeof value === "boolean") continue;
    throw new TypeError(`${name} of ${place} must be true or false, not ${shown(value)}`);
  }
  readDuration(`undoWithin of ${type}`, definition.undoWithin, 0);
}
