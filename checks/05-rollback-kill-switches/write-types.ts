import type { Fact } from "../../src/audit/fact.ts";
import type { ActionFacts, RecordsFacts } from "../../src/evidence/facts.ts";

/** The action types that rollback is judged by (contract, 05.5). */
export interface WriteTypes {
  /** Declared, in an inventory, or found in the table; in that order. */
  types: string[];
  /** Those of them that are irreversible, as declared or as our own ledger says, with what a person must do instead. */
  irreversible: { type: string; instead: string }[];
  /** An inventory was read and nothing anywhere writes: what is about writes does not apply. */
  noneShown: boolean;
  /** Why there may be more types than these; null where no source failed. */
  unread: string | null;
}

/**
 * The types of 05.5, which 05.6 and 05.10 count against too. A type that is said to read and yet has rollback records is
 * one of them: the table is nearer to the truth than the claim.
 */
export function writeTypes(actions: Fact<ActionFacts>, records: Fact<RecordsFacts>): WriteTypes {
  const known = actions.state === "found" ? actions.value.types : [];
  const recorded = records.state === "found" ? records.value.types.filter(({ total }) => total > 0) : [];
  const writing = known.filter(({ effect }) => effect === "write");
  const types = new Set([...writing, ...recorded].map(({ type }) => type));
  const inventoryRead = actions.state === "found" && actions.value.inventoryRead;
  // The ledger's word first: it is what a rollback goes by.
  const instead = new Map<string, string>();
  for (const { type, irreversible } of writing) if (irreversible !== null) instead.set(type, irreversible);
  for (const { type, irreversible } of records.state === "found" ? records.value.types : []) {
    if (irreversible !== undefined && types.has(type)) instead.set(type, irreversible);
  }
  return {
    types: [...types],
    irreversible: [...instead].map(([type, what]) => ({ type, instead: what })),
    noneShown: inventoryRead && types.size === 0,
    unread: unreadSource(actions, "actions") ?? unreadSource(records, "records"),
  };
}

/** Why a check about writes is skipped. */
export const NO_WRITE_ACTION = "the inventory that was read holds no write action";

/** What --offline left out is no mishap: the runner turns the verdict into a skip. */
function unreadSource(fact: Fact<unknown>, name: string): string | null {
  return fact.state === "failed" ? `${name}: ${fact.why}` : null;
}
