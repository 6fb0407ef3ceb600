import type { Chained } from "../../values/hash-chain.ts";
import type { OrderKind } from "../protocol/messages.ts";
import type { Cause, Order } from "../protocol/order.ts";
import type { Mode } from "../protocol/mode.ts";

/** Orders have an epoch; everything else that happens is an entry all the same. */
export type EntryKind =
  | OrderKind
  | "refused"
  | "sign-ins-refused"
  | "token-added"
  | "token-revoked"
  | "alert"
  | "drill"
  | "service-started"
  | "service-stopped";

/** What happened, before it has its place in the log. */
export interface NewEntry {
  kind: EntryKind;
  /** ISO 8601 in UTC, by the wall clock: it may jump, `seq` does not. */
  at: string;
  /** Name of the token, or `clawproof` for what the service does by itself. */
  by: string;
  /** Address of who asked; null for the service itself. */
  from: string | null;
  reason?: string | undefined;
  scope?: string | undefined;
  mode?: Mode | undefined;
  cause?: Cause | undefined;
  epoch?: number | undefined;
  /** Whatever else belongs to the kind. */
  [more: string]: unknown;
}

/** An entry that is given its time when it is written. */
export type Undated = { [Key in keyof NewEntry as Key extends "at" ? never : Key]: NewEntry[Key] };

/** An entry of the log. Hashes as src/values/hash-chain.ts says. */
export type Entry = NewEntry & Chained & { seq: number };

/** The standing after an entry, as far as the table of orders goes. */
export interface Effect {
  put?: Order | undefined;
  ended?: readonly Order[] | undefined;
}

export const SERVICE = "clawproof";
