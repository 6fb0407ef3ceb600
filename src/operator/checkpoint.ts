import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { canonicalJson } from "../values/canonical-json.ts";
import { hashOfEntry } from "../values/hash-chain.ts";
import { entryAt, type LogEntry } from "./log.ts";
import { askJson } from "./own.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

/** What the switch vouches for: at that time its log ended with this entry. */
export interface Checkpoint {
  series: string;
  seq: number;
  epoch: number;
  /** Of the entry `seq`. */
  hash: string;
  /** ISO 8601. */
  at: string;
  /** The switch's. */
  name: string;
}

/** `GET /v1/log/head`, and the content of a checkpoint's file. */
export interface SignedCheckpoint {
  checkpoint: Checkpoint;
  keyId: string;
  /** Ed25519, as SPKI in PEM. */
  publicKey: string;
  /** Base64, over the canonical JSON of `checkpoint`. */
  signature: string;
}

/** The head of the log, signed. Throws SwitchProblem. */
export async function readHead(target: OwnTarget, signal?: AbortSignal): Promise<SignedCheckpoint> {
  const { body } = await askJson<SignedCheckpoint>(target, { path: "/v1/log/head", signal }, "checkpoint");
  if (isCheckpoint(body)) return body;
  throw new SwitchProblem("unanswered", "the switch's answer holds no checkpoint");
}

/** Why the signature does not hold; null where it does. */
export function signatureProblem({ checkpoint, publicKey, signature }: SignedCheckpoint): string | null {
  const key = ed25519Key(publicKey);
  if (key === null) return "its public key is no Ed25519 key";
  const isGood = verify(null, Buffer.from(canonicalJson(checkpoint), "utf8"), key, Buffer.from(signature, "base64"));
  return isGood ? null : "its signature does not match what it says";
}

function ed25519Key(pem: string): KeyObject | null {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    // Whatever OpenSSL complains of, it is no key.
    return null;
  }
}

/** Why the log cannot be the one of the checkpoint, as far as the two heads tell; null where it can. */
export function headProblem(old: SignedCheckpoint, head: SignedCheckpoint): string | null {
  const { checkpoint: then } = old;
  const { checkpoint: now } = head;
  if (now.series !== then.series) return `it is of the series ${now.series}, the checkpoint of ${then.series}`;
  if (head.publicKey.trim() !== old.publicKey.trim() || head.keyId !== old.keyId)
    return "it is signed with another key";
  if (now.seq < then.seq) return `it ends with entry ${now.seq}, at the checkpoint it had ${then.seq}`;
  if (now.epoch < then.epoch) return `its newest order is ${now.epoch}, at the checkpoint it was ${then.epoch}`;
  if (now.seq === then.seq && now.hash !== then.hash) return `entry ${then.seq} is not the one of the checkpoint`;
  return null;
}

/** Why the log does not hold what a checkpoint vouches for; null where it does. Throws SwitchProblem. */
export async function heldProblem(
  target: OwnTarget,
  { checkpoint }: SignedCheckpoint,
  signal?: AbortSignal,
): Promise<string | null> {
  const entry = await entryAt(target, checkpoint.seq, signal);
  return entry === null ? `entry ${checkpoint.seq} is not there` : entryProblem(checkpoint, entry);
}

/** Why an entry is not the one that a checkpoint vouches for; null where it is, or bears another number. */
export function entryProblem({ seq, hash }: Checkpoint, entry: LogEntry): string | null {
  if (entry.seq !== seq) return null;
  return entry.hash === hash && hashOfEntry(entry) === hash ? null : `entry ${seq} is not the one of the checkpoint`;
}

/** Whether this is a signed checkpoint; its signature may still be wrong. */
export function isCheckpoint(value: unknown): value is SignedCheckpoint {
  if (!hasTexts(value, ["keyId", "publicKey", "signature"]) || !("checkpoint" in value)) return false;
  const { checkpoint } = value;
  if (!hasTexts(checkpoint, ["series", "hash"])) return false;
  return ["seq", "epoch"].every((name) => Number.isInteger(Reflect.get(checkpoint, name)));
}

function hasTexts(value: unknown, names: readonly string[]): value is object {
  return (
    typeof value === "object" && value !== null && names.every((name) => typeof Reflect.get(value, name) === "string")
  );
}
