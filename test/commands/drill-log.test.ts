import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONFIG, drillDaysAgo, folderOf, runIn, signed } from "./drill-support.ts";

const stop = (ms: number | null) => ({ ms, resolutionMs: 50, acceptedAfterAnswer: 3 });
const THREE = [
  drillDaysAgo(70, { stop: stop(3_000) }),
  drillDaysAgo(40, { stop: stop(6_000), version: null }),
  drillDaysAgo(10, { stop: stop(null), verdict: { held: false, why: "it never stopped" } }),
];

describe("drill log", () => {
  it("prints the last drills with a chart, and what they come to", async () => {
    const { status, stdout } = await runIn(await folderOf(THREE), "drill", "log");
    expect(stdout).toBe(
      `Drills of subscription-support — drills.jsonl

ended                 version  stop                             undone
2026-09-13 06:00 UTC  2.4.1    3.0s   ████████████              1/1     held
2026-10-13 06:00 UTC  —        6.0s   ████████████████████████  1/1     held
2026-11-12 06:00 UTC  2.4.1    never  ×                         1/1     FAILED  the agent did not stop

stop times: best 3.0s, median 4.5s, worst 6.0s; 1 of 3 did not stop
`,
    );
    expect(status).toBe(0);
  });

  it("prints the newest N alone, and says it in JSON", async () => {
    const folder = await folderOf(THREE);
    const { status, stdout } = await runIn(folder, "drill", "log", "--last", "1", "--format", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      agent: "subscription-support",
      drills: [{ mark: "clawproof-10", stopMs: null, held: false, why: "the agent did not stop", verifiable: null }],
      trend: { drills: 1, notStopped: 1 },
      exitCode: 0,
    });
    expect(status).toBe(0);
  });

  it("warns where stopping takes longer and longer", async () => {
    const growing = [2_000, 2_000, 2_000, 3_100].map((ms, index) => drillDaysAgo(90 - index, { stop: stop(ms) }));
    const { stdout } = await runIn(await folderOf(growing), "drill", "log");
    expect(stdout).toContain("WARNING: the last drill took 3.1s to stop, over 1.5 times the median");
  });

  it.each([
    ["no log", null, 0, "No drill of subscription-support yet: drills.jsonl does not exist yet"],
    ["an empty log", "", 0, "none yet; clawproof drill holds one"],
    ["a damaged log", "\u001b[2Jnonsense\n{}\n", 0, "BROKEN: line 1: not JSON"],
  ])("ends well for %s", async (_, text, status, words) => {
    const folder = await folderOf([]);
    if (text !== null) await writeFile(join(folder, "drills.jsonl"), text);
    const printed = await runIn(folder, "drill", "log", "--svg", "drills.svg");
    expect(printed.stdout).toContain(words);
    expect(printed.stdout).not.toContain("\u001b");
    expect([printed.status, printed.stderr]).toEqual([status, ""]);
    expect(await readFile(join(folder, "drills.svg"), "utf8")).toContain("no drill yet");
    expect((await runIn(folder, "drill", "log", "--verify")).status).toBe(1);
  });

  it("says what cannot be read, and what is not configured", async () => {
    const unread = await folderOf([], CONFIG.replace("log: drills.jsonl", "log: { command: [cat, none] }"));
    expect(await runIn(unread, "drill", "log")).toMatchObject({ status: 3, stdout: "" });
    const bare = await folderOf([], "version: 1\nagent: { name: support }\n");
    expect(await runIn(bare, "drill", "log")).toMatchObject({
      status: 2,
      stderr:
        "clawproof: drills.log is not configured: drills: { log: .clawproof/drills.jsonl }, or { store: switch }\n",
    });
    expect(await runIn(bare, "drill", "log", "--last", "none")).toMatchObject({ status: 2 });
    expect(await runIn(bare, "drill", "log", "--svg", "no/where.svg")).toMatchObject({
      status: 2,
      stderr: "clawproof: --svg cannot write no/where.svg: there is no folder no\n",
    });
  });

  it("takes options before its name for its own", async () => {
    const folder = await folderOf(THREE);
    await writeFile(join(folder, "other.yaml"), CONFIG.replace("subscription-support", "billing"));
    const { stdout } = await runIn(folder, "-c", "other.yaml", "drill", "log");
    expect(stdout).toContain("Drills of billing — drills.jsonl");
    expect(stdout).toContain("passed over: line 1: a drill of another agent (subscription-support)");
  });
});

describe("drill log --verify", () => {
  it("is 0 where every drill can be verified", async () => {
    const { status, stdout } = await runIn(await folderOf(THREE.map(signed)), "drill", "log", "--verify");
    expect(stdout).toContain("held    signed by drills.pub");
    expect(stdout).toContain("every drill was held against the switch's log or a key that may sign");
    expect(status).toBe(0);
  });

  it("is 1 and names the first that cannot, whose figures do not count", async () => {
    const lines = THREE.map((line, index) => (index === 1 ? line : signed(line)));
    const { status, stdout } = await runIn(await folderOf(lines), "drill", "log", "--verify");
    expect(stdout).toContain("BROKEN: line 2: no kill switch is configured; it is not signed");
    expect(stdout).toContain(
      "best 3.0s, median 3.0s, worst 3.0s; 1 of 2 did not stop; 1 that cannot be verified left out",
    );
    expect(status).toBe(1);
  });

  it("verifies all of them, however few are shown", async () => {
    const lines = THREE.map((line, index) => (index === 0 ? line : signed(line)));
    const { status, stdout } = await runIn(await folderOf(lines), "drill", "log", "--verify", "--last", "1");
    expect(stdout).toContain("BROKEN: line 1: ");
    expect(status).toBe(1);
  });

  it("is 1 where a line was removed or altered", async () => {
    const folder = await folderOf(THREE.map(signed));
    const file = join(folder, "drills.jsonl");
    const [first = "", second = "", third = ""] = (await readFile(file, "utf8")).trimEnd().split("\n");
    await writeFile(file, `${first}\n${third}\n`);
    expect(await runIn(folder, "drill", "log", "--verify")).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("BROKEN: line 2: does not follow line 1: what stood between them was removed"),
    });
    await writeFile(file, `${first}\n`);
    await appendFile(file, `${second.replace("6000", "600")}\n${third}\n`);
    expect(await runIn(folder, "drill", "log", "--verify")).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("BROKEN: line 2: changed after it was written: its hash does not fit"),
    });
  });
});
