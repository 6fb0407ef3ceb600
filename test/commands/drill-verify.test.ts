import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { attest, attestationText } from "../../src/drill/attest.ts";
import { keyPair } from "../drill/keys.ts";
import { CONFIG, drillDaysAgo, folderOf, ours, runIn } from "./drill-support.ts";

const theirs = keyPair();
let folder: string;
beforeAll(async () => {
  folder = await folderOf([], `${CONFIG}environments: { staging: {} }\n`);
  await writeFile(join(folder, "theirs.pub"), theirs.publicPem);
  const files: [string, Parameters<typeof drillDaysAgo>[1]?][] = [
    ["good"],
    ["failed", { verdict: { held: false, why: "the agent did not stop" } }],
    ["slow", { stop: { ms: 45_000, resolutionMs: 50, acceptedAfterAnswer: 9 } }],
    ["billing", { agent: "billing" }],
    ["staging", { environment: "staging" }],
    ["future", { endedAt: "2099-01-01T00:00:00.000Z" }],
  ];
  for (const [name, changes] of files)
    await writeFile(join(folder, `${name}.json`), attestationText(attest(drillDaysAgo(3, changes), ours.privateKey)));
  const good = attestationText(attest(drillDaysAgo(3), ours.privateKey));
  await writeFile(join(folder, "altered.json"), good.replace('"payload": "', '"payload": "AAAA'));
  await writeFile(join(folder, "bare.yaml"), "version: 1\nagent: { name: subscription-support }\n");
  await writeFile(join(folder, "strict.yaml"), `${CONFIG}policy: { stopWithin: 2s }\n`);
  await writeFile(join(folder, "unread.yaml"), CONFIG.replace("drills.pub", "none.pub"));
});

describe("drill verify", () => {
  it("passes what a key of drills.keys signed", async () => {
    const { status, stdout } = await runIn(folder, "drill", "verify", "good.json");
    expect(stdout).toBe(`[PASS] signed by drills.pub (key ${ours.publicKey.id.slice(0, 16)}…)
[PASS] the drill of subscription-support@2.4.1 held
clawproof-3, ended 2026-11-19T06:00:00.000Z: stopped in 3.8s, 1/1 action types reversed, by kim@laptop
`);
    expect(status).toBe(0);
  });

  it.each([
    ["failed.json", [], "[FAIL] the drill did not hold: the agent did not stop"],
    ["slow.json", [], "[FAIL] the drill did not hold: stopped in 45.0s (target: <30s)"],
    ["slow.json", ["--key", "drills.pub"], "[FAIL] the drill did not hold: stopped in 45.0s"],
    ["good.json", ["-c", "strict.yaml"], "[FAIL] the drill did not hold: stopped in 3.8s (target: <2s)"],
    ["altered.json", [], "[FAIL] it was altered after it was signed: the signature of drills.pub does not fit it"],
    ["billing.json", [], "[FAIL] it is a drill of another agent (billing)"],
    ["staging.json", [], "[FAIL] it is a drill in environment staging: give --env staging"],
    ["future.json", [], "[FAIL] it is a time in the future (2099-01-01T00:00:00.000Z)"],
    ["good.json", ["--key", "theirs.pub"], "signed it, which is none of those that may (theirs.pub)"],
    ["clawproof.yaml", [], "[FAIL] not JSON"],
  ])("fails %s %j", async (file, flags, words) => {
    const { status, stdout, stderr } = await runIn(folder, "drill", "verify", file, ...flags);
    expect(stdout).toContain(words);
    expect([status, stderr]).toEqual([1, ""]);
  });

  it("asks for no configuration where a key is given, and takes several", async () => {
    const passing = ["drill", "verify", "billing.json", "--key", "theirs.pub", "--key", "drills.pub"];
    expect((await runIn(folder, ...passing)).status).toBe(0);
    expect((await runIn(folder, "drill", "verify", "staging.json", "--env", "staging")).status).toBe(0);
  });

  it.each([
    [["none.json"], "none.json does not exist"],
    [["good.json", "--key", "clawproof.yaml"], "clawproof.yaml holds no public key in PEM"],
    [["good.json", "-c", "bare.yaml"], "no key to check it with: name one with --key, or in bare.yaml"],
    [["good.json", "-c", "unread.yaml"], "none of the keys of drills.keys can be read"],
    [[], "missing required argument 'file'"],
  ])("is 2 where nothing can be checked: %j", async (flags, words) => {
    const { status, stdout, stderr } = await runIn(folder, "drill", "verify", ...flags);
    expect(stderr).toContain(words);
    expect([status, stdout]).toEqual([2, ""]);
  });

  it("says it in JSON", async () => {
    const good = await runIn(folder, "drill", "verify", "good.json", "--format", "json");
    expect(JSON.parse(good.stdout)).toMatchObject({
      verdict: "pass",
      why: null,
      signedBy: { file: "drills.pub", id: ours.publicKey.id },
      line: { mark: "clawproof-3" },
      exitCode: 0,
    });
    const bad = await runIn(folder, "drill", "verify", "altered.json", "--format", "json");
    expect(JSON.parse(bad.stdout)).toMatchObject({ verdict: "fail", signedBy: null, line: null, exitCode: 1 });
  });
});
