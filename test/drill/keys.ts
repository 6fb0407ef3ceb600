import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type PublicKey, readPublicKey } from "../../src/drill/keys.ts";

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: PublicKey;
  privatePem: string;
  publicPem: string;
}

/** A new pair to sign drills with. */
export function keyPair(shown = "drills.pub"): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const privatePem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { privateKey, publicKey: readPublicKey(publicPem, shown), privatePem, publicPem };
}
