import type { ExitCode } from "../audit/report.ts";
import { readCheckpoint, writeCheckpoint } from "../operator/checkpoint-file.ts";
import {
  entryProblem,
  headProblem,
  heldProblem,
  readHead,
  signatureProblem,
  type SignedCheckpoint,
} from "../operator/checkpoint.ts";
import type { OwnTarget } from "../operator/target.ts";
import { type Verification, verifyLog } from "../operator/verify.ts";
import { printable } from "../report/printable.ts";
import type { Format } from "./formats.ts";
import type { Surroundings } from "./surroundings.ts";
import { jsonLine } from "./switch-run.ts";

export interface Proving {
  verify: boolean;
  /** A file. */
  checkpoint: string | undefined;
  format: Format;
}

/** What was found: in words, in facts, and whether it is in order. */
interface Finding {
  good: boolean;
  words: string;
  facts: object;
}

/**
 * `--verify`: the chain from the first entry to the last. `--checkpoint FILE`: the log still holds what the file vouches
 * for; then the file takes the newer head. Throws SwitchProblem.
 */
export async function proveLog(target: OwnTarget, proving: Proving, surroundings: Surroundings): Promise<ExitCode> {
  const { verify, checkpoint: file, format } = proving;
  const { cwd, signal, stdout } = surroundings;
  const old = file === undefined ? null : await readCheckpoint(file, cwd);
  const head = file === undefined ? null : await readHead(target, signal);
  const findings: Finding[] = [];
  const problem = head === null ? null : await checkpointProblem(target, old, head, signal);
  if (problem !== null) findings.push(problem);
  else if (verify) findings.push(verified(await verifyLog(target, (entry) => vouched([old, head], entry), signal)));
  if (file !== undefined && head !== null && findings.every(({ good }) => good)) {
    await writeCheckpoint(file, cwd, head);
    findings.push(kept(file, old, head));
  }
  const good = findings.every((finding) => finding.good);
  const exitCode = good ? 0 : 1;
  stdout.write(
    format === "json"
      ? jsonLine({ switch: target.url, ...Object.assign({}, ...findings.map(({ facts }) => facts)), exitCode })
      : findings.map(({ words }) => `${printable(words)}\n`).join(""),
  );
  return exitCode;
}

/** Why an entry is not the one that one of the checkpoints vouches for. */
function vouched(checkpoints: readonly (SignedCheckpoint | null)[], entry: Parameters<typeof entryProblem>[1]) {
  for (const signed of checkpoints) {
    const why = signed === null ? null : entryProblem(signed.checkpoint, entry);
    if (why !== null) return "is not the one of the checkpoint";
  }
  return null;
}

function verified(result: Verification): Finding {
  if (result.whole) {
    const { entries, head } = result;
    const words = `the log is whole: ${entries} ${entries === 1 ? "entry" : "entries"}, head ${head}`;
    return { good: true, words, facts: result };
  }
  const { seq, why, entries } = result;
  const words = `the log is broken: entry ${seq} ${why} (${entries} before it are whole)`;
  return { good: false, words, facts: result };
}

async function checkpointProblem(
  target: OwnTarget,
  old: SignedCheckpoint | null,
  head: SignedCheckpoint,
  signal: AbortSignal,
): Promise<Finding | null> {
  const forged = signatureProblem(head);
  if (forged !== null) return bad(`the head of the log cannot be trusted: ${forged}`);
  if (old === null) return null;
  const unsigned = signatureProblem(old);
  if (unsigned !== null) return bad(`the checkpoint's file was changed: ${unsigned}`);
  const why = headProblem(old, head) ?? (await heldProblem(target, old, signal));
  return why === null ? null : bad(`the log was shortened or replaced: ${why}`);
}

function bad(words: string): Finding {
  return { good: false, words, facts: { problem: words } };
}

function kept(file: string, old: SignedCheckpoint | null, { checkpoint, keyId }: SignedCheckpoint): Finding {
  const since = old === null ? "" : `the log still holds entry ${old.checkpoint.seq}; `;
  const words = `${since}checkpoint of entry ${checkpoint.seq}, signed by ${keyId}, is in ${file}`;
  return { good: true, words, facts: { checkpoint, keyId, previous: old?.checkpoint ?? null, file } };
}
