import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { LedgerError } from "./ledger.ts";
import { bytesOf, checkSealing, type SealedColumn, type Sealing } from "./sealing-fields.ts";
import { cellNamesOf, withoutUnchanged } from "./sealing-rows.ts";

/** Puts away what must not be written, and brings it back. */
export interface Seal {
  /** Throws LedgerError for what cannot be written as JSON. */
  close(id: string, column: SealedColumn, value: unknown): unknown;
  /** Throws LedgerError where a key is missing or the wrong one. */
  open(id: string, column: SealedColumn, value: unknown): unknown;
}

/** The one member of an object that stands for a value that is not there itself. */
const MARK = "$clawproof";
const REDACTED = { [MARK]: "redacted" };
/** What a column holds where all of it was redacted. */
export const REDACTED_TEXT = JSON.stringify(REDACTED);
const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const markOf = (value: unknown): unknown => (isObject(value) && !Array.isArray(value) ? value[MARK] : undefined);

/** The mark as a text column holds it. */
export const isMarkText = (text: string): boolean => text.startsWith(`{"${MARK}":`);

/** Whether JSON's text may hold a mark somewhere; what was written by hand may spell it with escapes. */
export const mayHoldMark = (text: string): boolean => text.includes(MARK) || text.includes("\\u");

/** Whether anything in a value was redacted when it was written: it must not be put back as it stands here. */
export const holdsRedacted = (value: unknown): boolean => holds(value, isRedacted);
const isRedacted = (mark: unknown): boolean => mark === "redacted";

/** Whether anything in a value was redacted or encrypted when it was written. */
export const holdsSealed = (value: unknown): boolean => holds(value, isSealed);
const isSealed = (mark: unknown): boolean => mark !== undefined;

function holds(value: unknown, isMeant: (mark: unknown) => boolean): boolean {
  if (!isObject(value)) return false;
  // Rows are long lists of text, and each is looked through whenever it is taken back.
  if (Array.isArray(value)) return value.some((item) => typeof item === "object" && holds(item, isMeant));
  return isMeant(value[MARK]) || Object.values(value).some((member) => holds(member, isMeant));
}

/** Throws LedgerError for a pointer that is none, a key that is none, and encryption without a key. */
export function createSeal({ redact = [], encrypt = [], keys = [] }: Sealing): Seal {
  checkSealing({ redact, encrypt, keys });
  const opened = new Map(keys.map((key) => [key.id, bytesOf(key)]));
  const [first] = keys;
  const hidden = matcher(redact);
  const locked = matcher(encrypt);
  const nothing = redact.length + encrypt.length === 0;
  return {
    close(id, column, value) {
      if (nothing || value === undefined || value === null) return value;
      // As it will be written: what has a toJSON of its own could hold a field that nobody sees before.
      const text = plain(column, value);
      const written = column === "captured" ? withoutUnchanged(text, (name) => hidden(["", name])) : text;
      const cellOf = cellNamesOf(column === "captured" ? written : null);
      const replace = (path: readonly string[], found: unknown): unknown => {
        const cell = cellOf(path);
        const is = (meant: (path: Path) => boolean): boolean => meant(path) || (cell !== null && meant(cell));
        if (is(hidden)) return REDACTED;
        return first !== undefined && is(locked) ? lock(first.id, opened, id, column, found) : undefined;
      };
      return walk(written, [column], replace);
    },
    open: (id, column, value) =>
      walk(value, [column], (_, found) => (markOf(found) === "sealed" ? unlock(opened, id, column, found) : undefined)),
  };
}

function plain(column: string, value: unknown): unknown {
  const text = jsonText(column, value);
  return text === null ? undefined : (JSON.parse(text) as unknown);
}

/** JSON's text of a value; null where it has none. Throws LedgerError for what JSON cannot say. */
export function jsonText(column: string, value: unknown): string | null {
  try {
    // Nothing for a function or a symbol, whatever the type says.
    const text: unknown = JSON.stringify(value);
    return typeof text === "string" ? text : null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LedgerError(`${column} cannot be stored as JSON: ${why}`);
  }
}

type Path = readonly string[];

function matcher(fields: readonly string[]): (path: Path) => boolean {
  const pointers = new Set(fields.filter((field) => field.startsWith("/")));
  const names = new Set(fields.filter((field) => !field.startsWith("/")));
  return (path) => names.has(path.at(-1) ?? "") || (pointers.size > 0 && pointers.has(pointerOf(path)));
}

const pointerOf = (path: Path): string =>
  path.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** A copy in which `replace` has put something in the place of what it answers for; `undefined` leaves and goes deeper. */
function walk(value: unknown, path: Path, replace: (path: Path, value: unknown) => unknown): unknown {
  const other = replace(path, value);
  if (other !== undefined) return other;
  if (Array.isArray(value)) return value.map((item: unknown, index) => walk(item, [...path, String(index)], replace));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, [...path, key], replace)]));
}

/** Bound to its row and column: what was locked in one place does not open in another. */
const placeOf = (id: string, column: string): Buffer => Buffer.from(`${id} ${column}`);

function lock(keyId: string, keys: ReadonlyMap<string, Buffer>, id: string, column: string, value: unknown): unknown {
  const text = jsonText(column, value);
  const key = keys.get(keyId);
  if (text === null || key === undefined) return null;
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(placeOf(id, column));
  const parts = [nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()];
  return { [MARK]: "sealed", key: keyId, data: Buffer.concat(parts).toString("base64") };
}

function unlock(keys: ReadonlyMap<string, Buffer>, id: string, column: string, sealed: unknown): unknown {
  const { key: keyId, data } = sealed as { key?: unknown; data?: unknown };
  const key = keys.get(String(keyId));
  if (key === undefined) throw new LedgerError(`is encrypted under the key "${String(keyId)}", which is not given`);
  const bytes = Buffer.from(String(data), "base64");
  try {
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(placeOf(id, column))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString("utf8")) as unknown;
  } catch {
    // Node's own words ("unable to authenticate data") say less.
    throw new LedgerError(
      `does not open with the key given as "${String(keyId)}": it is another key, or the row was changed`,
    );
  }
}
