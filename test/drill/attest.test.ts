import { sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { attest, attestationText, verifyAttestation, verifySignature } from "../../src/drill/attest.ts";
import { preAuthenticationEncoding, seal, unseal } from "../../src/drill/dsse.ts";
import type { DrillLine, Envelope } from "../../src/drill/line.ts";
import { canonicalJson } from "../../src/values/canonical-json.ts";
import { chain, sha256 } from "../../src/values/hash-chain.ts";
import { keyPair } from "./keys.ts";
import { drillOf } from "./lines.ts";

const ours = keyPair();
const theirs = keyPair("theirs.pub");
const TYPE = "application/vnd.in-toto+json";
const drill = drillOf();
const envelope = attest(drill, ours.privateKey, { name: "clawproof.yaml", sha256: "ab".repeat(32) });

interface Statement {
  _type: string;
  subject: { name: string; digest: Record<string, string> }[];
  predicateType: string;
  predicate: Record<string, unknown>;
}
const statementIn = ({ payload }: Envelope) => JSON.parse(Buffer.from(payload, "base64").toString()) as Statement;
const why = (text: string, keys = [ours.publicKey]): string => {
  const verdict = verifyAttestation(text, keys);
  return "why" in verdict ? verdict.why : "verified";
};
/** The statement with a change, signed by us: what an attacker cannot make, and what a mistake of ours would. */
const signedOtherwise = (change: (statement: Statement) => unknown): string => {
  const statement = statementIn(envelope);
  change(statement);
  return JSON.stringify(seal(TYPE, canonicalJson(statement), ours.privateKey));
};

describe("DSSE", () => {
  it("signs the encoding of the specification's own example, in bytes", () => {
    const encoded = preAuthenticationEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
    expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    expect(preAuthenticationEncoding("tüp", Buffer.from("ä")).toString()).toBe("DSSEv1 4 tüp 2 ä");
  });

  it("takes URL-safe base64, and no padding, from others", () => {
    const [signature] = envelope.signatures;
    const urlSafe = (text = "") => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    const other = { ...envelope, payload: urlSafe(envelope.payload), signatures: [{ sig: urlSafe(signature?.sig) }] };
    expect(why(JSON.stringify(other))).toBe("verified");
  });

  it("takes one good signature among others, from whichever key is listed", () => {
    const foreign = attest(drill, theirs.privateKey).signatures;
    const both = JSON.stringify({ ...envelope, signatures: [...foreign, ...envelope.signatures] });
    expect(why(both, [theirs.publicKey, ours.publicKey])).toBe("verified");
    expect(why(both, [ours.publicKey])).toBe("verified");
  });

  it("does not let a signature for one type stand for another", () => {
    const text = Buffer.from(envelope.payload, "base64").toString();
    const other = seal("text/plain", text, ours.privateKey);
    expect(unseal(other, TYPE, [ours.publicKey])).toEqual({ why: `it is signed as text/plain, not as ${TYPE}` });
    expect(unseal({ ...other, payloadType: TYPE }, TYPE, [ours.publicKey])).toMatchObject({
      why: expect.stringContaining("altered after it was signed"),
    });
  });
});

describe("attest", () => {
  it("makes an in-toto statement v1 with a test result, of the line and of no place in a log", () => {
    const statement = statementIn(envelope);
    const { predicate } = statement;
    expect(statement).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "subscription-support@2.4.1", digest: { sha256: sha256(canonicalJson(drill)) } }],
      predicateType: "https://in-toto.io/attestation/test-result/v0.1",
    });
    expect(predicate).toMatchObject({
      result: "PASSED",
      configuration: [{ name: "clawproof.yaml", digest: { sha256: "ab".repeat(32) } }],
      passedTests: ["stop", "reads", "undo db_update", "release"],
      failedTests: [],
      "clawproof/drill@1": drill,
    });
    expect(envelope).toMatchObject({ payloadType: TYPE, signatures: [{ keyid: ours.publicKey.id }] });
  });

  it("says what failed", () => {
    const failed = drillOf({
      version: null,
      stop: { ...drill.stop, ms: null },
      reads: { sent: 3, accepted: 2 },
      undone: [{ type: "db_update", equal: false, ms: 1 }],
      breaker: { held: false, why: "writes went on" },
      faults: [{ fault: "agent-frozen", held: false, switchAnswered: null }],
      releasedAfterMs: null,
      verdict: { held: false, why: "the agent did not stop" },
    });
    const { subject, predicate } = statementIn(attest(failed, ours.privateKey));
    expect(subject[0]?.name).toBe("subscription-support");
    expect(predicate).toMatchObject({
      result: "FAILED",
      configuration: [],
      passedTests: [],
      failedTests: ["stop", "reads", "breaker", "undo db_update", "fault agent-frozen", "release"],
    });
  });
});

describe("verifyAttestation", () => {
  it("gives the line and the key", () => {
    expect(verifyAttestation(attestationText(envelope), [theirs.publicKey, ours.publicKey])).toEqual({
      line: drill,
      by: ours.publicKey,
    });
  });

  it.each<[string, string, string]>([
    ["what is no JSON", "drill", "not JSON"],
    ["what is no envelope", "{}", "not a DSSE envelope"],
    ["no signature", JSON.stringify({ ...envelope, signatures: [] }), "not a DSSE envelope"],
    ["a key twice", JSON.stringify(envelope).replace("{", '{"payload":"",'), "holds a key twice"],
    ["a payload that is no base64", JSON.stringify({ ...envelope, payload: "!" }), "its payload is not base64"],
    [
      "an altered payload",
      JSON.stringify({ ...envelope, payload: Buffer.from("{}").toString("base64") }),
      "it was altered after it was signed: the signature of drills.pub does not fit it",
    ],
    [
      "an altered type",
      JSON.stringify({ ...envelope, payloadType: "text/plain" }),
      "it was altered after it was signed: the signature of drills.pub does not fit it",
    ],
    [
      "a foreign key",
      JSON.stringify(attest(drill, theirs.privateKey)),
      `key ${theirs.publicKey.id.slice(0, 16)}… signed it, which is none of those that may (drills.pub)`,
    ],
    [
      "a foreign key under our name",
      JSON.stringify({
        ...envelope,
        signatures: [{ keyid: ours.publicKey.id, sig: attest(drill, theirs.privateKey).signatures[0]?.sig }],
      }),
      "it was altered after it was signed: the signature of drills.pub does not fit it",
    ],
    [
      "half a signature",
      JSON.stringify({ ...envelope, signatures: [{ sig: "AAAA" }] }),
      "a key without a name signed it, which is none of those that may (drills.pub)",
    ],
    [
      "a signature of the bare payload",
      JSON.stringify({
        ...envelope,
        signatures: [{ sig: sign(null, Buffer.from(envelope.payload, "base64"), ours.privateKey).toString("base64") }],
      }),
      "a key without a name signed it, which is none of those that may (drills.pub)",
    ],
    [
      "another kind of statement",
      signedOtherwise((statement) => (statement.predicateType = "https://slsa.dev/provenance/v1")),
      "it is signed, but its payload is not an in-toto test result of a drill",
    ],
    [
      "another subject",
      signedOtherwise(({ subject }) => (subject[0] = { name: "billing", digest: { sha256: "0".repeat(64) } })),
      "it is signed, but its subject is not its drill",
    ],
    [
      "another result",
      signedOtherwise(({ predicate }) => (predicate["result"] = "FAILED")),
      "it is signed, but its result is not that of its drill",
    ],
    [
      "no drill",
      signedOtherwise(({ predicate }) => delete predicate["clawproof/drill@1"]),
      "it is signed, but its payload is not an in-toto test result of a drill",
    ],
    [
      "a place in a log",
      signedOtherwise(({ predicate }) => (predicate["clawproof/drill@1"] = { ...drill, hash: "0".repeat(64) })),
      "it is signed, but its payload is not a drill's line: hash is not signed",
    ],
    [
      "a drill whose digest does not fit",
      JSON.stringify(attest({ ...drill, by: "dana" }, ours.privateKey)),
      "it is signed, but the digest of its drill does not fit what was measured",
    ],
  ])("refuses %s", (_, text, expected) => {
    expect(why(text)).toBe(expected);
  });

  it("refuses everything where no key is listed", () => {
    expect(why(attestationText(envelope), [])).toContain("(none is listed)");
  });
});

describe("verifySignature", () => {
  const lineOf = (changes: Partial<DrillLine>): DrillLine => chain({ ...drill, ...changes }, "");

  it("believes the line that was signed, wherever it stands, and no other", () => {
    const { publicKey } = ours;
    expect(verifySignature(lineOf({ attestation: envelope }), [publicKey])).toEqual({ by: publicKey });
    expect(verifySignature(lineOf({}), [publicKey])).toBe("unsigned");
    const another = { why: "its signature is that of another line" };
    for (const change of [
      { endedAt: "2026-11-20T06:00:30.000Z" },
      { verdict: { held: true, why: "x" } },
      { mark: "clawproof-000001" },
    ])
      expect(verifySignature(lineOf({ ...change, attestation: envelope }), [publicKey])).toEqual(another);
    expect(verifySignature(lineOf({ attestation: envelope }), [theirs.publicKey])).toMatchObject({
      why: expect.stringContaining("its signature does not hold: key"),
    });
  });
});
