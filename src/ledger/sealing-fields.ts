import { isPointer } from "../values/pointer.ts";
import { LedgerError } from "./ledger.ts";

/** A key of AES-256. */
export interface SealKey {
  /** Stored beside what it locks, so that keys can change. */
  id: string;
  /** 32 bytes, as 64 hexadecimal digits or as base64. Undefined, as a variable that is not set, is refused. */
  secret: string | undefined;
}

/**
 * What of an action is never written as it is. A field is a JSON Pointer that begins with a column (`/before/card/number`,
 * `/captured`), or a name, which is meant wherever it stands in `before`, `after`, `captured` and `reference`: as a member
 * of an object, or as a column of captured rows. The key in `undo` stays: without it nothing could be taken back.
 */
export interface Sealing {
  /** Replaced by a mark. What is gone cannot be put back: undoing must look for it (`holdsRedacted`). */
  redact?: readonly string[] | undefined;
  /** Encrypted under the first key. */
  encrypt?: readonly string[] | undefined;
  /** The first one locks; all of them open. */
  keys?: readonly SealKey[] | undefined;
}

export const SEALED_COLUMNS = ["before", "after", "captured", "reference"] as const;
export type SealedColumn = (typeof SEALED_COLUMNS)[number];

const KEY_BYTES = 32;

/** Throws LedgerError for fields that are none, a key that is none, and encryption without a key. Loads nothing: it is asked where an agent starts. */
export function checkSealing({ redact = [], encrypt = [], keys = [] }: Sealing): void {
  for (const [name, list] of Object.entries({ redact, encrypt, keys })) {
    if (!Array.isArray(list)) throw new LedgerError(`${name} must be a list`);
  }
  for (const field of [...redact, ...encrypt]) {
    if (typeof field !== "string" || field === "")
      throw new LedgerError("redact and encrypt are lists of fields, each a JSON Pointer or a name");
    const [, column = ""] = field.split("/");
    if (!field.startsWith("/") || (isPointer(field) && SEALED_COLUMNS.some((one) => one === column))) continue;
    throw new LedgerError(`${field} is no field of ${SEALED_COLUMNS.join(", ")}`);
  }
  for (const key of keys) bytesOf(key);
  if (encrypt.length > 0 && keys.length === 0) throw new LedgerError("fields are to be encrypted, and no key is given");
}

/** A key's bytes. Throws LedgerError, whose message never holds them. */
export function bytesOf({ id, secret }: SealKey): Buffer {
  if (typeof secret !== "string" || secret === "") throw new LedgerError(`the key "${id}" has no secret`);
  const bytes = Buffer.from(secret, /^[0-9a-f]{64}$/i.test(secret) ? "hex" : "base64");
  if (bytes.length === KEY_BYTES) return bytes;
  throw new LedgerError(`the key "${id}" is not ${KEY_BYTES} bytes in hexadecimal or base64`);
}
