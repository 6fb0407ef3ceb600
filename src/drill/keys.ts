import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** A key that cannot be used; the message names it and says what to do, and never holds any of it. */
export class KeyRefused extends Error {
  override name = "KeyRefused";
}

/** A key of the team that may sign drills. */
export interface PublicKey {
  key: KeyObject;
  /** SHA-256 of the key's SubjectPublicKeyInfo in DER, in hex: `openssl pkey -pubin -in drills.pub -outform DER | sha256sum`. */
  id: string;
  /** Where it was read: `drills.pub`. */
  shown: string;
}

const MAKE_ONE = "`openssl genpkey -algorithm ed25519 -out drills.key` makes one";
const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/g;

/** A public key in PEM. Throws KeyRefused. */
export function readPublicKey(pem: string, shown: string): PublicKey {
  const kinds = [...pem.matchAll(BEGIN)].map(([, kind = ""]) => kind);
  // createPublicKey would take the public half of it, and the private one would go on lying about.
  if (kinds.some((kind) => kind.includes("PRIVATE"))) {
    throw new KeyRefused(
      `${shown} holds a private key: keep that apart, and name its public half, of \`openssl pkey -in drills.key -pubout -out drills.pub\``,
    );
  }
  if (kinds.length !== 1) {
    const found =
      kinds.length === 0 ? "holds no public key in PEM" : `holds ${kinds.length} keys, and one is asked for`;
    throw new KeyRefused(`${shown} ${found}; \`openssl pkey -in drills.key -pubout -out drills.pub\` makes one`);
  }
  const key = made(() => createPublicKey(pem), `${shown} is not a public key in PEM`);
  if (key.asymmetricKeyType !== "ed25519") throw new KeyRefused(wrongKind(shown, key));
  return { key, id: keyIdOf(key), shown };
}

/** A private key in PEM, to sign with. Line breaks may be written `\n`, as variables of CI systems have them. Throws KeyRefused. */
export function readPrivateKey(pem: string, shown: string): KeyObject {
  const text = pem.includes("\n") ? pem : pem.replaceAll("\\n", "\n");
  if (text.includes("ENCRYPTED")) {
    throw new KeyRefused(
      `${shown} is locked with a pass phrase; \`openssl pkey -in FILE -out drills.key\` opens it once, where only the drill can read it`,
    );
  }
  const key = made(() => createPrivateKey(text), `${shown} is not a private key in PEM; ${MAKE_ONE}`);
  if (key.asymmetricKeyType !== "ed25519") throw new KeyRefused(`${wrongKind(shown, key)}; ${MAKE_ONE}`);
  return key;
}

/** The name of a key, from its public half. */
export function keyIdOf(key: KeyObject): string {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256")
    .update(half.export({ type: "spki", format: "der" }))
    .digest("hex");
}

function wrongKind(shown: string, { asymmetricKeyType }: KeyObject): string {
  return `${shown} is a key for ${asymmetricKeyType ?? "something else"}, and drills are signed with Ed25519`;
}

function made(make: () => KeyObject, otherwise: string): KeyObject {
  try {
    return make();
  } catch {
    // What OpenSSL says of it may quote the key.
    throw new KeyRefused(otherwise);
  }
}
