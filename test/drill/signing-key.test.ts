import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadProject } from "../../src/config/load.ts";
import { keyIdOf } from "../../src/drill/keys.ts";
import { signingKey } from "../../src/drill/signing-key.ts";
import { keyPair } from "./keys.ts";

const one = keyPair();
const two = keyPair();
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "clawproof-signing-"));
  await writeFile(join(cwd, "one.key"), one.privatePem);
  await writeFile(join(cwd, "clawproof.yaml"), "version: 1\nagent: { name: support }\n");
  await writeFile(
    join(cwd, "named.yaml"),
    "version: 1\nagent: { name: support }\nsecrets: { CLAWPROOF_DRILL_KEY: { file: one.key } }\n",
  );
});
afterAll(() => rm(cwd, { recursive: true }));

async function idOf(file: string | undefined, env: Record<string, string> = {}, config = "clawproof.yaml") {
  const key = await signingKey(await loadProject({ cwd, env, file: join(cwd, config) }), { file, cwd });
  return key === null ? null : keyIdOf(key);
}

it("is the file's, else the secret's, else none", async () => {
  const env = { CLAWPROOF_DRILL_KEY: two.privatePem };
  expect(await idOf("one.key", env)).toBe(one.publicKey.id);
  expect(await idOf(undefined, env)).toBe(two.publicKey.id);
  expect(await idOf(undefined, {}, "named.yaml")).toBe(one.publicKey.id);
  expect(await idOf(undefined)).toBeNull();
});

it("says what is wrong with it, and nothing of what it holds", async () => {
  await expect(idOf("none.key")).rejects.toThrow("none.key does not exist");
  await expect(idOf(undefined, { CLAWPROOF_DRILL_KEY: "hunter2" })).rejects.toThrow(
    /^CLAWPROOF_DRILL_KEY is not a private key in PEM; `openssl genpkey -algorithm ed25519 -out drills.key` makes one$/,
  );
});
