import type { ActionRecord } from "../ledger/record.ts";

/** The key under which an action is taken back: the same in every run. */
export const makeKey = ({ id }: Pick<ActionRecord, "id">): string => `clawproof-undo-${id}`;
