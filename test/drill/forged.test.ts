import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/drill-recency.ts";
import { judgeCheck } from "../../src/audit/judge.ts";
import { DEFAULT_POLICY } from "../../src/audit/policy.ts";
import { attest } from "../../src/drill/attest.ts";
import type { DrillLine } from "../../src/drill/line.ts";
import type { NewDrillLine } from "../../src/drill/log.ts";
import { digestOfMeasured } from "../../src/drill/verify.ts";
import { gatherActions } from "../../src/evidence/actions.ts";
import { gatherDrills } from "../../src/evidence/drills.ts";
import { absent } from "../../src/audit/fact.ts";
import { chain } from "../../src/values/hash-chain.ts";
import { folderForTest, gatheringFrom } from "../evidence/support.ts";
import { startSwitch as startForeignSwitch, type TestSwitch, TOKENS } from "../support/agents/switch.ts";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { keyPair } from "./keys.ts";
import { drillOf } from "./lines.ts";

/**
 * Ways of making up or altering a log of drills, held against a real switch and its real log, and what 05.10 says to each.
 * The attacker writes the log of drills as he likes and may compute every hash; at our switch he may do nothing.
 */

const NOW = Date.parse("2026-11-22T06:00:00.000Z");
const DAY = 86_400_000;
/** When the drill began that the log is about. */
const AT = NOW - 12 * DAY - 3_600_000;
const SCOPE = "drill/subscription-support";
const clock = { now: () => NOW, monotonic: () => performance.now() };
const iso = (ms: number) => new Date(ms).toISOString();
const keys = { ours: keyPair(), theirs: keyPair("theirs.pub") };

const AGENT = `version: 1
agent:
  name: subscription-support
  actions: [{ type: db_update, effect: write }]
`;
/** Signatures are looked at where a line has one. */
const logOf = (text: string): string =>
  `drills: { log: .clawproof/drills.jsonl${text.includes("attestation") ? ", keys: [drills.pub]" : ""} }\n`;

/** What 05.10 says to this log; `evidence` is what stands beside it. */
async function judged(text: string, yaml: string, env: Record<string, string>) {
  const folder = await folderForTest();
  await mkdir(join(folder, ".clawproof"));
  await writeFile(join(folder, ".clawproof/drills.jsonl"), text);
  await writeFile(join(folder, "drills.pub"), keys.ours.publicPem);
  const gathering = gatheringFrom(folder, AGENT + logOf(text) + yaml, { env, clock });
  const facts = {
    drills: await gatherDrills(gathering),
    actions: await gatherActions(gathering),
    records: absent("not configured"),
  };
  const { judgement, evidence } = judgeCheck(check, facts, { policy: { ...DEFAULT_POLICY }, now: NOW });
  const { verdict, message } = judgement;
  return { said: `[${verdict.toUpperCase()}] ${message}`, evidence: evidence.map(({ fact }) => fact) };
}

const textOf = (lines: readonly DrillLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** The chain computed anew over whatever the lines say by now. */
const rechained = (lines: readonly (NewDrillLine | DrillLine)[]): DrillLine[] =>
  lines.reduce<DrillLine[]>((chained, { ...line }) => {
    if ("hash" in line) delete (line as Partial<DrillLine>).hash;
    if ("previous" in line) delete (line as Partial<DrillLine>).previous;
    return [...chained, chain(line, chained.at(-1)?.hash ?? "")];
  }, []);

const redigested = <T extends NewDrillLine>(line: T): T => ({ ...line, digest: digestOfMeasured(line) });

describe("a log that was made up or altered, against our own switch", () => {
  let time = 0;
  let it_: RunningSwitch;
  let held: NewDrillLine;
  let failed: NewDrillLine;
  let billing: NewDrillLine;
  let staging: NewDrillLine;
  /** Epochs of a real kill and its release. */
  let realKill: number[];

  async function order(call: "kill" | "release", at: number, scope: string, reason: string, more: object = {}) {
    time = at;
    const answer = await it_.call(`/v1/${call}`, { body: { scope, reason, ...more } });
    expect(answer.status).toBe(200);
    return answer.body as unknown as { series: string; epoch: number };
  }

  /** A drill as the switch sees it, and the line that it leaves. */
  async function drilled(at: number, changes: Partial<NewDrillLine> = {}): Promise<NewDrillLine> {
    const line = drillOf({ startedAt: iso(at), endedAt: iso(at + 30_000), ...changes });
    const pulled = await order("kill", at + 6_000, line.scope, `${line.mark}: rehearsal, put back in a moment`);
    const { series, epoch } = pulled;
    const whole = redigested({ ...line, switch: { series, epochs: [epoch, epoch + 1], entry: null } });
    const evidence = { evidence: whole.digest };
    await order("release", at + 25_000, line.scope, `${line.mark}: drill over`, evidence);
    const { body } = await it_.call(`/v1/log?last=1`);
    const [entry] = body["entries"] as { hash: string }[];
    return { ...whole, switch: { ...whole.switch, entry: entry?.hash ?? null } };
  }

  async function rehearsed(at: number, mark: string): Promise<void> {
    await order("kill", at, SCOPE, `${mark}: rehearsal, put back in a moment`);
    await order("release", at + 10_000, SCOPE, `${mark}: rehearsal over`);
  }

  beforeAll(async () => {
    time = NOW - 60 * DAY;
    it_ = await startSwitch({ clock: { now: () => time, monotonic: () => performance.now() } });
    await drilled(NOW - 50 * DAY, { mark: "clawproof-00000a" });
    billing = await drilled(NOW - 20 * DAY, { agent: "billing", scope: "drill/billing", mark: "clawproof-0b1111" });
    staging = await drilled(NOW - 19 * DAY, { environment: "staging", mark: "clawproof-05a615" });
    held = await drilled(AT, { mark: "clawproof-00000b" });
    failed = await drilled(AT + 40_000, {
      mark: "clawproof-00000c",
      undone: [{ type: "db_update", equal: false, ms: 120 }],
      verdict: { held: false, why: "db_update was not restored" },
    });
    await rehearsed(NOW - 5 * DAY, "clawproof-0e4ea5");
    const pulled = await order("kill", NOW - 4 * DAY, "subscription-support", "incident-77 bad version");
    const released = await order("release", NOW - 4 * DAY + 60_000, "subscription-support", "incident-77 over");
    realKill = [pulled.epoch, released.epoch];
  });

  const ourSwitch = (rehearse = "{}"): string =>
    `killSwitch: { provider: clawproof, url: "${it_.url}", token: "\${T}", rehearse: ${rehearse} }\n`;
  const judge = (text: string, rehearse?: string) => judged(text, ourSwitch(rehearse), { T: it_.admin });
  const PASSED = "[PASS] Kill switch drill 12 days ago: stopped in 3.8s, 1/1 action types reversed";
  const FAILED = "[FAIL] Last kill switch drill failed — db_update was not restored";
  const LATER = "the switch's log has a later drill, of 2026-11-10T05:01:05.000Z, that no line accounts for";
  const NONE = "[FAIL] No kill switch drill in the last 90 days";
  const doubt = (why: string, ago = "12 days") => `[WARN] Kill switch drill ${ago} ago, not verifiable — ${why}`;
  /** One line alone, chained as it should be. */
  const alone = (line: NewDrillLine) => textOf(rechained([line]));

  it("believes what was not altered, and only what the newest drill showed", async () => {
    expect((await judge(textOf(rechained([held, failed])))).said).toBe(FAILED);
    const only = await judge(textOf(rechained([billing, staging, held])));
    expect(only).toMatchObject({ said: doubt(LATER) });
    expect(only.evidence).toContain(`line 1: a drill of another agent (billing)`);
  });

  it.each<[string, () => string, string | (() => string)]>([
    [
      "an edited line",
      () => textOf(rechained([held, failed])).replace('"equal":false', '"equal":true'),
      () => doubt("the log's chain is broken at line 2"),
    ],
    [
      "a moved date",
      () => textOf(rechained([held, failed])).replaceAll(failed.endedAt, "2026-11-20T06:00:30.000Z"),
      () => doubt("the log's chain is broken at line 2"),
    ],
    ["the last line removed", () => alone(held), () => doubt(LATER)],
    [
      "the last line removed, and the end of the one before moved past it",
      () => alone({ ...held, endedAt: iso(Date.parse(failed.endedAt) + 30_000) }),
      () => doubt(LATER),
    ],
    ["every line removed", () => "", NONE],
    [
      "a line in the middle removed",
      () => {
        const [first, , third] = rechained([staging, failed, held]);
        return textOf([first, third].filter((line) => line !== undefined));
      },
      () => doubt("the log's chain is broken at line 2"),
    ],
    ["another agent's drill", () => alone(billing), NONE],
    [
      "another agent's drill under our name",
      () => alone({ ...billing, agent: "subscription-support" }),
      () => doubt("its digest does not fit what it says was measured", "19 days"),
    ],
    [
      "another agent's drill under our name, all digests and hashes computed anew",
      () => alone(redigested({ ...billing, agent: "subscription-support" })),
      () => doubt("the switch's log has no release that carries its digest", "19 days"),
    ],
    ["another environment's drill", () => alone(staging), NONE],
    [
      "another environment's drill without its name",
      () => alone(redigested({ ...staging, environment: null })),
      () => doubt("the switch's log has no release that carries its digest", "18 days"),
    ],
    [
      "a line for an epoch that was a real kill",
      () => alone({ ...held, switch: { ...held.switch, epochs: realKill } }),
      () => doubt(`epoch ${realKill[0]}, which it names, is none of its orders in the switch's log`),
    ],
    [
      "a real kill made a drill's",
      () => {
        const at = NOW - 4 * DAY;
        const times = { startedAt: iso(at - 5_000), endedAt: iso(at + 70_000) };
        return alone(redigested({ ...held, ...times, mark: "incident-77", scope: "subscription-support" }));
      },
      () => doubt("the switch's log has no release that carries its digest", "3 days"),
    ],
    [
      "an older line with a new mark",
      () => alone(redigested({ ...held, mark: "clawproof-123456" })),
      () => doubt("the switch's log has no order marked clawproof-123456"),
    ],
    [
      "an older line with new times",
      () => alone({ ...held, startedAt: iso(NOW - 2 * DAY), endedAt: iso(NOW - 2 * DAY + 30_000) }),
      () => doubt("its digest does not fit what it says was measured", "1 day"),
    ],
    [
      "an older line with a new end",
      () => alone({ ...held, endedAt: iso(NOW - DAY) }),
      () => doubt("its end is not when the switch's log has its release", "1 day"),
    ],
    [
      "a line for an audit's rehearsal",
      () => {
        const times = { startedAt: iso(NOW - 5 * DAY - 6_000), endedAt: iso(NOW - 5 * DAY + 12_000) };
        return alone(redigested({ ...held, ...times, mark: "clawproof-0e4ea5" }));
      },
      () => doubt("the switch's log has no release that carries its digest", "4 days"),
    ],
    [
      "the digest of other measurements",
      () => alone({ ...failed, undone: held.undone, verdict: held.verdict, digest: held.digest }),
      () => doubt("its digest does not fit what it says was measured"),
    ],
    [
      "edited figures with the digest computed anew",
      () => alone(redigested({ ...failed, undone: held.undone, verdict: held.verdict })),
      () => doubt("the switch's log has no release that carries its digest"),
    ],
    [
      "the release on another scope",
      () => alone(redigested({ ...held, scope: "drill/billing" })),
      () => doubt("the switch's log has no order marked clawproof-00000b"),
    ],
    ["a time in the future", () => alone({ ...held, endedAt: iso(NOW + 1) }), NONE],
    [
      "a failed drill put into the future",
      () => textOf(rechained([held, { ...failed, endedAt: "2099-01-01T00:00:00.000Z" }])),
      () => doubt(LATER),
    ],
    [
      "a failed drill that ends before it began",
      () => textOf(rechained([held, { ...failed, endedAt: iso(0) }])),
      () => doubt(LATER),
    ],
    [
      "a failed drill given to another agent",
      () => textOf(rechained([held, { ...failed, agent: "billing" }])),
      () => doubt(LATER),
    ],
    [
      "a failed drill given to another environment, its digest computed anew",
      () => textOf(rechained([held, redigested({ ...failed, environment: "staging" })])),
      () => doubt(LATER),
    ],
    [
      "the end of an older drill moved past that of a failed one",
      () => textOf(rechained([{ ...held, endedAt: iso(Date.parse(failed.endedAt) + 30_000) }, failed])),
      FAILED,
    ],
    ["a failed drill that says it held", () => textOf(rechained([held, { ...failed, verdict: held.verdict }])), FAILED],
    ["a line twice, byte for byte", () => alone(held).repeat(2), () => doubt("the log's chain is broken at line 2")],
    [
      "a key twice",
      () => alone(held).replace('{"agent"', '{"agent":"billing","agent"').replace('{"schema"', '{"agent":"x","schema"'),
      NONE,
    ],
    [
      "half a line",
      () => textOf(rechained([held, failed])).slice(0, -200),
      () => doubt("the log's chain is broken at line 2"),
    ],
    [
      "lines reordered",
      () => textOf(rechained([held, failed]).reverse()),
      // The newest drill is the one that failed, wherever it stands.
      FAILED,
    ],
    [
      "lines reordered, the newest being good",
      () => textOf(rechained([staging, held]).reverse()),
      () => doubt("the log's chain is broken at line 1"),
    ],
    ["no JSON at all", () => "it was a good drill\n", NONE],
    [
      "a signature of a foreign key",
      () => alone({ ...held, attestation: attest(held, keys.theirs.privateKey) }),
      () =>
        doubt(
          `its signature does not hold: key ${keys.theirs.publicKey.id.slice(0, 16)}… signed it, which is none of those that may (drills.pub)`,
        ),
    ],
    [
      "the signature of another line",
      () => alone({ ...failed, undone: held.undone, attestation: attest(held, keys.ours.privateKey) }),
      // It does not say of itself that it held, and its signature does not say so either.
      FAILED,
    ],
    [
      "the signature of another line on one that says it held",
      () =>
        alone(
          redigested({
            ...failed,
            undone: held.undone,
            verdict: held.verdict,
            attestation: attest(held, keys.ours.privateKey),
          }),
        ),
      () => doubt("its signature is that of another line"),
    ],
    [
      "a signed drill after which a failed one was removed",
      () => alone({ ...held, attestation: attest(held, keys.ours.privateKey) }),
      () => doubt(LATER),
    ],
    [
      "another entry of the switch's log than its own",
      () => alone({ ...held, switch: { ...held.switch, entry: "0".repeat(64) } }),
      () => doubt("the entry that it names is not that of its release in the switch's log"),
    ],
  ])("%s", async (_, forge, expected) => {
    const { said } = await judge(forge());
    expect(said).toBe(typeof expected === "string" ? expected : expected());
    expect(said).not.toBe(PASSED);
  });

  it("names a line that stands twice, every hash computed anew, and counts it once", async () => {
    const { evidence, said } = await judge(textOf(rechained([failed, failed])));
    expect(said).toBe(FAILED);
    expect(evidence).toContain("line 2: the drill of line 1 once more");
  });

  it("does not let a scope that was changed since hide the drill that was removed", async () => {
    const moved = await drilled(NOW - 3 * DAY, { scope: "drill/moved", mark: "clawproof-00000d" });
    const rehearse = "{ scope: drill/moved }";
    const { said } = await judge(alone(held), rehearse);
    const later = "the switch's log has a later drill, of 2026-11-19T06:00:25.000Z, that no line accounts for";
    expect(said).toBe(doubt(later));
    const whole = await judge(textOf(rechained([held, failed, moved])), rehearse);
    expect(whole.said).toBe("[PASS] Kill switch drill 2 days ago: stopped in 3.8s, 1/1 action types reversed");
  });
});

describe("a foreign switch's log that somebody writes into", () => {
  async function scene() {
    const killSwitch = await startForeignSwitch();
    const at = AT;
    const line = drillOf({ startedAt: iso(at), endedAt: iso(at + 30_000), mark: "clawproof-00000b" });
    return { killSwitch, line, at };
  }
  const entered = ({ log }: TestSwitch, at: number, action: "stop" | "resume", reason: string, scope = SCOPE): void =>
    void log.push({ at: iso(at), by: "kim", reason, scope, action });
  const judge = (killSwitch: TestSwitch, line: NewDrillLine) =>
    judged(
      textOf(rechained([line])),
      `killSwitch:
  status: { url: "${killSwitch.url}/state?scope=\${scope}", stopped: /stopped }
  activate: { url: "${killSwitch.url}/stop?scope=\${scope}", method: POST }
  release: { url: "${killSwitch.url}/resume?scope=\${scope}", method: POST }
  log: { url: "${killSwitch.url}/log", entries: /entries, fields: { at: /at, by: /by, reason: /reason, scope: /scope } }
  rehearse: {}
`,
      TOKENS,
    );
  const doubt = (why: string) => `[WARN] Kill switch drill 12 days ago, not verifiable — ${why}`;

  it("believes a drill's own orders", async () => {
    const { killSwitch, line, at } = await scene();
    entered(killSwitch, at + 6_000, "stop", `${line.mark}: rehearsal, put back in a moment`);
    entered(killSwitch, at + 25_000, "resume", `${line.mark}: drill over, ${line.digest}`);
    expect((await judge(killSwitch, line)).said).toMatch(/^\[PASS\]/);
  });

  it("refuses a release for which nothing was pulled", async () => {
    const { killSwitch, line, at } = await scene();
    entered(killSwitch, at + 25_000, "resume", `${line.mark}: drill over, ${line.digest}`);
    expect((await judge(killSwitch, line)).said).toBe(doubt("the switch's log has no activation for it"));
  });

  const FAILED = "[FAIL] Last kill switch drill failed — ";
  const left = "not taken back: email_send: no answer";
  const unread = "email_send: its state after the write could not be read";
  it.each<[string, Partial<NewDrillLine>, string]>([
    ["something was left", { troubles: [left] }, `${FAILED}${left}`],
    [
      "the breaker did not hold",
      { breaker: { held: false, why: "reads failed" } },
      `${FAILED}the circuit breaker did not hold`,
    ],
    ["a type was not compared", { troubles: [unread] }, doubt(`it says that it held, and it did not: ${unread}`)],
  ])("refuses a verdict that was turned, though the release has its digest: %s", async (_, changes, expected) => {
    const { killSwitch, line, at } = await scene();
    const failed = redigested({ ...line, ...changes });
    entered(killSwitch, at + 6_000, "stop", `${line.mark}: rehearsal, put back in a moment`);
    entered(killSwitch, at + 25_000, "resume", `${line.mark}: drill over, ${failed.digest}`);
    expect((await judge(killSwitch, failed)).said).toBe(expected);
  });

  it("refuses a release that is put beside an audit's rehearsal", async () => {
    const { killSwitch, line, at } = await scene();
    entered(killSwitch, at + 6_000, "stop", `${line.mark}: rehearsal, put back in a moment`);
    entered(killSwitch, at + 24_000, "resume", `${line.mark}: rehearsal over`);
    entered(killSwitch, at + 25_000, "resume", `${line.mark}: drill over, ${line.digest}`);
    expect((await judge(killSwitch, line)).said).toBe(
      doubt("the switch's log has its order as a rehearsal's, which was released without a digest"),
    );
  });

  it("refuses a release that is put beside a real kill", async () => {
    const { killSwitch, line, at } = await scene();
    entered(killSwitch, at + 6_000, "stop", `${line.mark} bad version`, "subscription-support");
    entered(killSwitch, at + 25_000, "resume", `${line.mark}: drill over, ${line.digest}`);
    expect((await judge(killSwitch, line)).said).toBe(doubt(`the switch's log has it on another scope than ${SCOPE}`));
  });
});
