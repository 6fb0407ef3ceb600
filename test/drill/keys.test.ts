import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { keyIdOf, KeyRefused, readPrivateKey, readPublicKey } from "../../src/drill/keys.ts";
import { keyPair } from "./keys.ts";

const { publicPem, privatePem, privateKey, publicKey } = keyPair();
const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
const rsaPublic = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();
const rsaPrivate = rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const locked = privateKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
  .toString();

it("names a key by its public half, whichever half it is read from", () => {
  expect(publicKey.id).toMatch(/^[0-9a-f]{64}$/);
  expect(keyIdOf(readPrivateKey(privatePem, "drills.key"))).toBe(publicKey.id);
  expect(keyIdOf(readPrivateKey(privatePem.trim().replaceAll("\n", "\\n"), "a variable"))).toBe(publicKey.id);
});

it.each([
  ["nothing", "", "k holds no public key in PEM"],
  ["text", "ssh-ed25519 AAAA", "k holds no public key in PEM"],
  ["a private key", privatePem, "k holds a private key"],
  ["two keys", publicPem + publicPem, "k holds 2 keys"],
  ["a broken key", publicPem.replace(/\n.{8}/, "\n"), "k is not a public key in PEM"],
  ["an RSA key", rsaPublic, "k is a key for rsa, and drills are signed with Ed25519"],
])("refuses as a public key: %s", (_, pem, message) => {
  expect(() => readPublicKey(pem, "k")).toThrow(KeyRefused);
  expect(() => readPublicKey(pem, "k")).toThrow(message);
});

it.each([
  ["nothing", "", "k is not a private key in PEM; `openssl genpkey"],
  ["a public key", publicPem, "k is not a private key in PEM"],
  ["an RSA key", rsaPrivate, "k is a key for rsa"],
  ["a key with a pass phrase", locked, "k is locked with a pass phrase"],
])("refuses as a private key: %s", (_, pem, message) => {
  expect(() => readPrivateKey(pem, "k")).toThrow(KeyRefused);
  expect(() => readPrivateKey(pem, "k")).toThrow(message);
});

it("reads what the openssl commands of the README make, and names it as they do", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "clawproof-keys-"));
  try {
    await execa("openssl", ["genpkey", "-algorithm", "ed25519", "-out", "drills.key"], { cwd });
    await execa("openssl", ["pkey", "-in", "drills.key", "-pubout", "-out", "drills.pub"], { cwd });
    const signing = readPrivateKey(await readFile(join(cwd, "drills.key"), "utf8"), "drills.key");
    const { id } = readPublicKey(await readFile(join(cwd, "drills.pub"), "utf8"), "drills.pub");
    expect(keyIdOf(signing)).toBe(id);
    const der = ["pkey", "-pubin", "-in", "drills.pub", "-outform", "DER", "-out", "drills.der"];
    await execa("openssl", der, { cwd });
    expect((await execa("sha256sum", ["drills.der"], { cwd })).stdout.split(" ")[0]).toBe(id);
  } finally {
    await rm(cwd, { recursive: true });
  }
});
