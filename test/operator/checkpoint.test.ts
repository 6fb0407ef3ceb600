import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/operator/checkpoint-file.ts";
import {
  type Checkpoint,
  entryProblem,
  headProblem,
  type SignedCheckpoint,
  signatureProblem,
} from "../../src/operator/checkpoint.ts";
import type { LogEntry } from "../../src/operator/log.ts";
import { canonicalJson } from "../../src/values/canonical-json.ts";
import { chain } from "../../src/values/hash-chain.ts";

const KEYS = generateKeyPairSync("ed25519");

function signed(changes: Partial<Checkpoint> = {}, keys = KEYS): SignedCheckpoint {
  const checkpoint = {
    series: "s",
    seq: 7,
    epoch: 3,
    hash: "abc",
    at: "2026-11-22T06:00:00.000Z",
    name: "x",
    ...changes,
  };
  return {
    checkpoint,
    keyId: "k",
    publicKey: keys.publicKey.export({ type: "spki", format: "pem" }).toString(),
    signature: sign(null, Buffer.from(canonicalJson(checkpoint)), keys.privateKey).toString("base64"),
  };
}

describe("a head", () => {
  test("holds by its own signature alone", () => {
    const head = signed();
    expect(signatureProblem(head)).toBeNull();
    expect(signatureProblem({ ...head, checkpoint: { ...head.checkpoint, seq: 8 } })).toContain("does not match");
    expect(signatureProblem({ ...head, signature: "" })).toContain("does not match");
    expect(signatureProblem({ ...head, publicKey: "nonsense" })).toContain("no Ed25519 key");
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const rsa = publicKey.export({ type: "spki", format: "pem" }).toString();
    expect(signatureProblem({ ...head, publicKey: rsa })).toContain("no Ed25519 key");
  });

  test("must be of the log that an older one vouches for", () => {
    const old = signed();
    expect(headProblem(old, old)).toBeNull();
    expect(headProblem(old, signed({ seq: 9, epoch: 4, hash: "def" }))).toBeNull();
    expect(headProblem(old, signed({ seq: 6 }))).toBe("it ends with entry 6, at the checkpoint it had 7");
    expect(headProblem(old, signed({ seq: 9, epoch: 2 }))).toContain("newest order is 2");
    expect(headProblem(old, signed({ hash: "def" }))).toContain("entry 7 is not the one");
    expect(headProblem(old, signed({ series: "t" }))).toContain("of the series t");
    expect(headProblem(old, signed({}, generateKeyPairSync("ed25519")))).toContain("another key");
  });
});

test("an entry is the one of a checkpoint by its number, its hash and its content", () => {
  const entry = chain({ seq: 7, at: "", kind: "kill" }, "") as LogEntry;
  const { checkpoint } = signed({ hash: entry.hash });
  expect(entryProblem(checkpoint, entry)).toBeNull();
  expect(entryProblem(checkpoint, { ...entry, seq: 8 })).toBeNull();
  expect(entryProblem(checkpoint, { ...entry, kind: "alert" })).not.toBeNull();
  expect(entryProblem(signed().checkpoint, entry)).not.toBeNull();
});

describe("its file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "clawproof-checkpoint-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("comes back as it was written, and leaves no draft", async () => {
    expect(await readCheckpoint("head.json", folder)).toBeNull();
    await writeCheckpoint("head.json", folder, signed());
    await writeCheckpoint("head.json", folder, signed({ seq: 9 }));
    expect(await readCheckpoint("head.json", folder)).toEqual(signed({ seq: 9 }));
    expect(await readdir(folder)).toEqual(["head.json"]);
  });

  test.each(["", "[]", "{}", "not JSON", JSON.stringify({ ...signed(), checkpoint: {} })])(
    "that holds something else is never overwritten: %j",
    async (text) => {
      await writeFile(join(folder, "other"), text);
      await expect(readCheckpoint("other", folder)).rejects.toThrow("other holds no checkpoint");
      expect(await readFile(join(folder, "other"), "utf8")).toBe(text);
    },
  );

  test("that cannot be had is one sentence", async () => {
    await expect(readCheckpoint(".", folder)).rejects.toThrow("--checkpoint cannot read .: it is a folder");
    await expect(writeCheckpoint("no/x", folder, signed())).rejects.toThrow("there is no such folder");
  });
});
