import type { KeyObject } from "node:crypto";
import * as z from "zod";
import { canonicalJson } from "../values/canonical-json.ts";
import { sha256 } from "../values/hash-chain.ts";
import { parseEnvelope, seal, unseal } from "./dsse.ts";
import type { PublicKey } from "./keys.ts";
import type { DrillLine, Envelope } from "./line.ts";
import type { NewDrillLine } from "./log.ts";
import { parseStrict, readDrillLine } from "./parse.ts";
import { digestOfMeasured } from "./verify.ts";

/** The attestation of a drill: an in-toto statement with a test result, in a DSSE envelope. */

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const STATEMENT = "https://in-toto.io/Statement/v1";
const TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1";
/** A member of our own beside those of the predicate, whose readers ignore what they do not know: the line itself. */
const LINE = "clawproof/drill@1";

/** A line without its place in a log: what is signed. The drill signs before anybody can know where the line will stand. */
export type AttestedLine = Omit<NewDrillLine, "attestation">;

/** The configuration that the drill was run with. */
export interface AttestedConfig {
  /** As it is shown: `clawproof.yaml`. */
  name: string;
  /** Hex. */
  sha256: string;
}

/**
 * Signs a drill. The envelope is for `attestation` of the same line, where the audit looks for it, and for the file of
 * `--attest`. `key` is an Ed25519 key, of `readPrivateKey`.
 */
export function attest(line: NewDrillLine, key: KeyObject, config?: AttestedConfig): Envelope {
  return seal(PAYLOAD_TYPE, canonicalJson(statementOf(placeless(line), config)), key);
}

/** An attestation as a file has it. */
export function attestationText(envelope: Envelope): string {
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

/** What an attestation proves: this line, and who signed it. */
export interface Attested {
  line: AttestedLine;
  by: PublicKey;
}

/** Checks the attestation of a file against the keys that may sign. */
export function verifyAttestation(text: string, keys: readonly PublicKey[]): Attested | { why: string } {
  const read = parseEnvelope(text);
  return "why" in read ? read : verifyEnvelope(read.envelope, keys);
}

/** Whether a line of a log is signed by one of these keys; `unsigned` where nobody signed it at all. */
export function verifySignature(
  line: DrillLine,
  keys: readonly PublicKey[],
): { by: PublicKey } | { why: string } | "unsigned" {
  if (line.attestation === undefined) return "unsigned";
  const attested = verifyEnvelope(line.attestation, keys);
  if ("why" in attested) return { why: `its signature does not hold: ${attested.why}` };
  const isThis = canonicalJson(attested.line) === canonicalJson(placeless(line));
  return isThis ? { by: attested.by } : { why: "its signature is that of another line" };
}

function verifyEnvelope(envelope: Envelope, keys: readonly PublicKey[]): Attested | { why: string } {
  const opened = unseal(envelope, PAYLOAD_TYPE, keys);
  if ("why" in opened) return opened;
  const line = lineIn(opened.text);
  return "why" in line ? { why: `it is signed, but ${line.why}` } : { line: line.line, by: opened.by };
}

const statement = z.looseObject({
  _type: z.literal(STATEMENT),
  subject: z.array(z.looseObject({ name: z.string(), digest: z.looseObject({ sha256: z.string() }) })).length(1),
  predicateType: z.literal(TEST_RESULT),
  predicate: z.looseObject({ result: z.enum(["PASSED", "WARNED", "FAILED"]), [LINE]: z.unknown() }),
});

function lineIn(text: string): { line: AttestedLine } | { why: string } {
  const json = parseStrict(text);
  if ("why" in json) return { why: `its payload is ${json.why}` };
  const read = statement.safeParse(json.value);
  if (!read.success) return { why: "its payload is not an in-toto test result of a drill" };
  const { subject, predicate } = read.data;
  const line = attestedLine(predicate[LINE]);
  if ("why" in line) return line;
  const expected = statementOf(line.line);
  // Readers who know nothing of our member go by these: they must say the same.
  if (canonicalJson(subject) !== canonicalJson(expected.subject)) return { why: "its subject is not its drill" };
  if (predicate.result !== expected.predicate.result) return { why: "its result is not that of its drill" };
  return digestOfMeasured(line.line) === line.line.digest
    ? line
    : { why: "the digest of its drill does not fit what was measured" };
}

/** The schema of lines asks for a place, which a signed one does not have. */
function attestedLine(value: unknown): { line: AttestedLine } | { why: string } {
  if (typeof value !== "object" || value === null) return { why: "its payload holds no drill" };
  const place = { previous: "", hash: sha256("") };
  for (const key of [...Object.keys(place), "attestation"])
    if (key in value) return { why: `its payload is not a drill's line: ${key} is not signed` };
  const read = readDrillLine({ ...value, ...place });
  return "why" in read ? read : { line: placeless(read.line) };
}

function placeless(line: NewDrillLine | DrillLine): AttestedLine {
  const { attestation: _, previous: _previous, hash: _hash, ...rest } = line as DrillLine;
  return rest;
}

function statementOf(line: AttestedLine, config?: AttestedConfig) {
  const { passed, failed } = testsOf(line);
  return {
    _type: STATEMENT,
    subject: [
      {
        name: line.version === null ? line.agent : `${line.agent}@${line.version}`,
        digest: { sha256: sha256(canonicalJson(line)) },
      },
    ],
    predicateType: TEST_RESULT,
    predicate: {
      result: line.verdict.held ? ("PASSED" as const) : ("FAILED" as const),
      configuration: config === undefined ? [] : [{ name: config.name, digest: { sha256: config.sha256 } }],
      passedTests: passed,
      failedTests: failed,
      [LINE]: line,
    },
  };
}

/** The parts of a drill by name, for readers who know nothing of lines. */
function testsOf({ stop, reads, undone, breaker, releasedAfterMs, faults }: AttestedLine): {
  passed: string[];
  failed: string[];
} {
  const tests: [name: string, passed: boolean][] = [
    ["stop", stop.ms !== null],
    ["reads", reads.sent > 0 && reads.accepted === reads.sent],
    ...(breaker === null ? [] : [["breaker", breaker.held] as [string, boolean]]),
    ...undone.map(({ type, equal }): [string, boolean] => [`undo ${type}`, equal]),
    ...faults.map(({ fault, held }): [string, boolean] => [`fault ${fault}`, held]),
    ["release", releasedAfterMs !== null],
  ];
  const named = (wanted: boolean) => tests.filter(([, passed]) => passed === wanted).map(([name]) => name);
  return { passed: named(true), failed: named(false) };
}
