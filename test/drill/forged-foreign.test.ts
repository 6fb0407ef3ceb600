import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/drill-recency.ts";
import { attest } from "../../src/drill/attest.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import { digestOfMeasured } from "../../src/drill/verify.ts";
import { gatherDrills } from "../../src/evidence/drills.ts";
import { canonicalJson } from "../../src/values/canonical-json.ts";
import { chain } from "../../src/values/hash-chain.ts";
import { serve } from "../doors/servers.ts";
import { folderForTest, gatheringFrom, valueOf } from "../evidence/support.ts";
import { contextOf, DAY_MS, factOf, goodActions, goodDrill, goodRecords, NOW, said } from "../support/facts.ts";
import { keyPair } from "./keys.ts";
import { drillOf } from "./lines.ts";

/*
 * Ways of making up or altering a drill log. The truth: a drill that held 50 days ago, one that held 20 days ago, and
 * one 5 days ago in which the agent did not stop. The switch's log is nobody's but the switch's; the file of lines and
 * everything in it, hashes too, is the forger's. What every forgery wants is a pass of 05.10.
 */

const ours = keyPair();
const theirs = keyPair();

type Changes = Parameters<typeof drillOf>[0];

function drill(daysAgo: number, changes: Changes = {}) {
  const ended = NOW - daysAgo * DAY_MS;
  const times = { startedAt: new Date(ended - 30_000).toISOString(), endedAt: new Date(ended).toISOString() };
  const undone = goodDrill().line.undone;
  return drillOf({ ...times, undone, mark: `clawproof-00${daysAgo}`, ...changes });
}
const NEVER = { stop: { ms: null, resolutionMs: 52, acceptedAfterAnswer: 900 } };
const GOOD_STOP = { ms: 3_800, resolutionMs: 52, acceptedAfterAnswer: 70 };
const TRUE = [drill(50), drill(20), drill(5, { ...NEVER, verdict: { held: false, why: "the agent did not stop" } })];
const [oldest, middle, failed] = TRUE as [(typeof TRUE)[0], (typeof TRUE)[0], (typeof TRUE)[0]];
const HELD = { verdict: { held: true, why: null }, stop: GOOD_STOP };

const ENTRIES = [
  ...TRUE.flatMap(({ startedAt, endedAt, mark, digest, scope }) => [
    { at: Date.parse(startedAt) + 2_000, by: "kim", reason: `${mark}: drill`, scope },
    { at: Date.parse(endedAt) - 5_000, by: "kim", reason: `${mark}: drill over, ${digest}`, scope },
  ]),
  { at: NOW - 3 * DAY_MS, by: "dana", reason: "incident-42 it pays out twice", scope: "*" },
  { at: NOW - 3 * DAY_MS + 25_000, by: "dana", reason: "incident-42 is over", scope: "*" },
];

/** Lines as a forger writes them: one after the other, every hash computed again. */
function chained(...lines: Omit<DrillLine, "previous" | "hash">[]): DrillLine[] {
  const log: DrillLine[] = [];
  for (const line of lines) log.push(chain(line, log.at(-1)?.hash ?? ""));
  return log;
}
const textOf = (lines: readonly object[]) => lines.map((line) => `${canonicalJson(line)}\n`).join("");
const HONEST = chained(...TRUE) as [DrillLine, DrillLine, DrillLine];
/** With the digest of what it now says, as only the switch can gainsay. */
const redigested = <Line extends Omit<DrillLine, "previous" | "hash">>(line: Line): Line => ({
  ...line,
  digest: digestOfMeasured(line),
});

async function audited(text: string, drills = "log: drills.jsonl", entries = ENTRIES) {
  const folder = await folderForTest();
  await writeFile(join(folder, "drills.jsonl"), text);
  await writeFile(join(folder, "drills.pub"), ours.publicPem);
  const { url } = await serve((_, response) => response.end(JSON.stringify({ entries })));
  const yaml = `version: 1
agent: { name: subscription-support }
killSwitch:
  status: { url: "${url}/state", stopped: /stopped }
  activate: { url: "${url}/stop", method: POST }
  log: { url: "${url}/log", entries: /entries, fields: { at: /at, by: /by, reason: /reason, scope: /scope } }
drills: { ${drills} }
`;
  const clock = { now: () => NOW, monotonic: () => 0 };
  const standing = valueOf(await gatherDrills(gatheringFrom(folder, yaml, { clock })));
  const facts = { drills: standing, actions: factOf(goodActions()), records: factOf(goodRecords()) };
  const judgement = check.judge(facts, contextOf());
  const named = JSON.stringify([said(judgement), judgement.evidence]);
  return { line: said(judgement), named };
}

describe("the honest log", () => {
  it("fails with its newest drill, which did not hold", async () => {
    expect((await audited(textOf(HONEST))).line).toBe("[FAIL] Last kill switch drill failed — the agent did not stop");
  });

  it("passes where that one never was", async () => {
    const entries = ENTRIES.filter(({ reason }) => !reason.startsWith(failed.mark));
    const { line } = await audited(textOf(HONEST.slice(0, 2)), "log: drills.jsonl", entries);
    expect(line).toMatch(/^\[PASS\] Kill switch drill 20 days ago/);
  });
});

const forgeries: [way: string, text: string, reason: string][] = [
  ["a line edited", textOf([HONEST[0], HONEST[1], { ...HONEST[2], ...HELD }]), "changed after it was written"],
  [
    "a line edited, all hashes recomputed",
    textOf(chained(oldest, middle, { ...failed, ...HELD })),
    "its digest does not fit",
  ],
  [
    "a line edited, its digest and all hashes recomputed",
    textOf(chained(oldest, middle, redigested({ ...failed, ...HELD }))),
    "no release that carries its digest",
  ],
  [
    "a line edited that borrows a good drill's digest",
    textOf(chained(oldest, middle, { ...failed, ...HELD, digest: middle.digest })),
    "the drill of line 2 once more",
  ],
  [
    "only its verdict flipped, which no digest covers",
    textOf(chained(oldest, middle, { ...failed, verdict: { held: true, why: null } })),
    "Last kill switch drill failed — the agent did not stop",
  ],
  [
    "the last line removed",
    textOf(HONEST.slice(0, 2)),
    "has a later drill, of 2026-11-17T05:59:55.000Z, that no line accounts for",
  ],
  ["a line in the middle removed", textOf([HONEST[0], HONEST[2]]), "what stood between them was removed"],
  ["the first line removed", textOf(HONEST.slice(1)), "the lines before it were removed"],
  ["all but one removed, hashes recomputed", textOf(chained(middle)), "that no line accounts for"],
  ["lines put in another order", textOf([HONEST[0], HONEST[2], HONEST[1]]), "was removed or changed"],
  ["a line cut in half", textOf(HONEST).slice(0, -200), "half a line"],
  ["an empty log", "", "No kill switch drill in the last 90 days"],
  [
    "the end of a good drill moved to yesterday",
    textOf(chained(oldest, failed, { ...middle, endedAt: new Date(NOW - DAY_MS).toISOString() })),
    "Last kill switch drill failed — the agent did not stop",
  ],
  [
    "the same, and the failed one removed",
    textOf(chained(oldest, { ...middle, endedAt: new Date(NOW - DAY_MS).toISOString() })),
    "its end is not when the switch's log has its release",
  ],
  [
    "both dates of a good drill moved, its digest recomputed",
    textOf(chained(oldest, middle, failed, redigested({ ...drill(1), mark: middle.mark }))),
    "no release that carries its digest",
  ],
  [
    "a good drill written once more as the newest line",
    textOf(chained(oldest, middle, failed, middle)),
    "Last kill switch drill failed — the agent did not stop",
  ],
  [
    "a date in the future",
    textOf(chained(oldest, middle, redigested({ ...drill(-1), mark: failed.mark }))),
    "a time in the future",
  ],
  [
    "another agent's drill",
    textOf(chained(oldest, middle, drill(5, { agent: "billing" }))),
    "a drill of another agent (billing)",
  ],
  [
    "another agent's drill under our name",
    textOf(chained(oldest, middle, { ...drill(5, { agent: "billing" }), agent: "subscription-support" })),
    "its digest does not fit",
  ],
  [
    "another environment's drill",
    textOf(chained(oldest, middle, drill(5, { environment: "bench" }))),
    "a drill in environment bench",
  ],
  [
    "a drill that never was",
    textOf(chained(oldest, middle, failed, drill(1, { mark: "clawproof-beef" }))),
    "no order marked clawproof-beef",
  ],
  [
    "a drill under part of a real mark",
    textOf(chained(oldest, middle, failed, drill(1, { mark: "clawproof" }))),
    "no order marked clawproof",
  ],
  [
    "a line for a real kill",
    textOf(chained(oldest, middle, failed, drill(3, { mark: "incident-42", scope: "*" }))),
    "no release that carries its digest",
  ],
  [
    "a line for a real kill, on the drill's scope",
    textOf(chained(oldest, middle, failed, drill(3, { mark: "incident-42" }))),
    "no release that carries its digest",
  ],
  [
    "a key twice in a line, of which readers take another",
    textOf(HONEST.slice(0, 2)) + textOf([HONEST[2]]).replace('"stop":', `"stop":${JSON.stringify(GOOD_STOP)},"stop":`),
    "holds a key twice",
  ],
];

const signatures: [way: string, line: Omit<DrillLine, "previous" | "hash">, reason: string][] = [
  [
    "a drill that never was, signed by a stranger",
    { ...drill(1), attestation: attest(drill(1), theirs.privateKey) },
    "which is none of those that may",
  ],
  [
    "a signature of ours from a good drill",
    { ...drill(1), attestation: attest(middle, ours.privateKey) },
    "its signature is that of another line",
  ],
  [
    "what we signed, edited",
    {
      ...drill(1),
      attestation: {
        ...attest(failed, ours.privateKey),
        payload: attest(drill(1), theirs.privateKey).payload,
      },
    },
    "it was altered after it was signed",
  ],
];

describe("a forgery never passes, and its reason is named", () => {
  it.each(forgeries)("%s", async (_, text, reason) => {
    const { line, named } = await audited(text);
    expect(line).not.toMatch(/^\[PASS\]/);
    expect(named).toContain(reason);
  });

  it.each(signatures)("%s", async (_, newest, reason) => {
    const { line, named } = await audited(
      textOf(chained(oldest, middle, failed, newest)),
      "log: drills.jsonl, keys: [drills.pub]",
    );
    expect(line).toMatch(/^\[WARN\] Kill switch drill 1 day ago, not verifiable — /);
    expect(named).toContain(reason);
  });
});
