import type { KeptHandler } from "../ledger/record.ts";

/** What the ledger keeps, as far as an audit may follow it. */
export interface AskableHandlers {
  kept: KeptHandler[];
  /** Those that cannot be had without running what only the ledger names. */
  leftOut: KeptHandler[];
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * An audit probes what the configuration names, and whoever can write a row is not whoever may run a program here: of what
 * the ledger keeps, rows are read and states are asked for with a plain GET; modules and commands are not run.
 */
export function askable(kept: readonly KeptHandler[]): AskableHandlers {
  const leftOut = kept.filter(({ undo }) => isMap(undo) && "module" in undo);
  const left = kept.filter((one) => !leftOut.includes(one));
  return { kept: left.map((one) => ({ ...one, undo: withoutActing(one.undo) })), leftOut };
}

function withoutActing(undo: unknown): unknown {
  if (!isMap(undo) || !("state" in undo) || isPlainRead(undo["state"])) return undo;
  const { state: _, ...rest } = undo;
  return rest;
}

function isPlainRead(state: unknown): boolean {
  if (!isMap(state) || typeof state["url"] !== "string") return false;
  const { method, json, body } = state;
  return (method === undefined ? json === undefined && body === undefined : method === "GET") || method === "HEAD";
}
