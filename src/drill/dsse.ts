import { type KeyObject, sign, verify } from "node:crypto";
import { keyIdOf, type PublicKey } from "./keys.ts";
import type { Envelope } from "./line.ts";
import { envelopeSchema, parseStrict } from "./parse.ts";

/** DSSE 1.0: one envelope, what is signed in it as bytes. */

/** What is really signed: the type and the bytes, each with its length, so that neither can be read as the other. */
export function preAuthenticationEncoding(type: string, body: Uint8Array): Buffer {
  const typeBytes = Buffer.from(type, "utf8");
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${typeBytes.byteLength} `),
    typeBytes,
    Buffer.from(` ${body.byteLength} `),
    body,
  ]);
}

/** Puts text into an envelope with the signature of an Ed25519 key. */
export function seal(payloadType: string, text: string, key: KeyObject): Envelope {
  const body = Buffer.from(text, "utf8");
  const sig = sign(null, preAuthenticationEncoding(payloadType, body), key).toString("base64");
  return { payload: body.toString("base64"), payloadType, signatures: [{ keyid: keyIdOf(key), sig }] };
}

/** Reads an envelope's JSON; nothing in it is believed yet. */
export function parseEnvelope(text: string): { envelope: Envelope } | { why: string } {
  const json = parseStrict(text);
  if ("why" in json) return json;
  const read = envelopeSchema.safeParse(json.value);
  return read.success ? { envelope: read.data } : { why: "not a DSSE envelope" };
}

/** The text of an envelope that one of these keys signed, and which; else why it is not to be believed. */
export function unseal(
  { payload, payloadType, signatures }: Envelope,
  expectedType: string,
  keys: readonly PublicKey[],
): { text: string; by: PublicKey } | { why: string } {
  const body = bytesOf(payload);
  if (body === null) return { why: "its payload is not base64" };
  const signed = preAuthenticationEncoding(payloadType, body);
  const by = keys.find(({ key }) => signatures.some(({ sig }) => isSignature(sig, signed, key)));
  if (by === undefined) return { why: whyNobody(signatures, keys) };
  // A signature of ours on something of another kind says nothing of drills.
  if (payloadType !== expectedType) return { why: `it is signed as ${payloadType}, not as ${expectedType}` };
  return { text: body.toString("utf8"), by };
}

function isSignature(sig: string, signed: Buffer, key: KeyObject): boolean {
  const bytes = bytesOf(sig);
  return bytes?.byteLength === 64 && verify(null, signed, key, bytes);
}

/** The name of a key in an envelope is nobody's word: it only chooses which words say what is wrong. */
function whyNobody(signatures: Envelope["signatures"], keys: readonly PublicKey[]): string {
  const named = keys.find(({ id }) => signatures.some(({ keyid }) => keyid === id));
  if (named !== undefined) return `it was altered after it was signed: the signature of ${named.shown} does not fit it`;
  const [{ keyid = "" } = {}] = signatures;
  const who = /^[0-9a-f]{64}$/.test(keyid) ? `key ${keyid.slice(0, 16)}…` : "a key without a name";
  return `${who} signed it, which is none of those that may (${keys.map(({ shown }) => shown).join(", ") || "none is listed"})`;
}

/** Standard or URL-safe base64, with its padding or without; null for anything else. */
function bytesOf(text: string): Buffer | null {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const bytes = Buffer.from(standard, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === standard ? bytes : null;
}
