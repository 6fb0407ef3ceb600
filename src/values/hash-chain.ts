import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** An entry of a log in which each line vouches for the one before. */
export interface Chained {
  /** `hash` of the entry before, `""` for the first. */
  previous: string;
  /** SHA-256 in hex of the canonical JSON of the entry without `hash`. */
  hash: string;
}

/** SHA-256 in hex of text in UTF-8. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** What `hash` of an entry must be; a `hash` it already has does not count. */
export function hashOfEntry(entry: object): string {
  return sha256(canonicalJson({ ...entry, hash: undefined }));
}

/** Hangs an entry onto the one whose hash is `previous`. */
export function chain<Entry extends object>(entry: Entry, previous: string): Entry & Chained {
  const linked = { ...entry, previous };
  return { ...linked, hash: hashOfEntry(linked) };
}

/** Why an entry does not follow the one whose hash is `previous`; null where it does. */
export function breakBetween(previous: string, entry: Chained): "changed" | "unlinked" | null {
  if (hashOfEntry(entry) !== entry.hash) return "changed";
  return entry.previous === previous ? null : "unlinked";
}
