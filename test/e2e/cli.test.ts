import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stage, start, unstage } from "../../fixtures/stage.mjs";
import { BREAKER_FILES, checkLines, dayFromNow, folderWith, run, runInShell, type Run, PATIENT } from "./support.ts";

/** The command line of the built program: what each option does, and how it ends. Most of it needs no server. */

const AGENT = { name: "support", actions: [{ type: "refund", effect: "write" }] };
const GOOD = { version: 1, agent: AGENT, breaker: { settings: "breaker.yaml" } };
const LOOSE = { ...GOOD, breaker: { settings: "loose.yaml" } };
/** Nothing is wrong with it but that its settings cannot be read. */
const UNREADABLE = { ...GOOD, breaker: { settings: "gone.yaml" } };

async function runWith(config: object | string, ...args: string[]): Promise<Run> {
  return run(await folderWith({ ...BREAKER_FILES, "clawproof.yaml": config }), args);
}

const SUBJECTS = [
  /kill switch/i,
  /response time/i,
  /circuit breaker/i,
  /degradation/i,
  /rollback records|rollback state/i,
  /rollback script/i,
  /canary/i,
  /fallback/i,
  /activation/i,
  /drill/i,
];

describe.concurrent("--check", PATIENT, () => {
  it.each([
    { args: [], expected: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
    { args: ["--check", "05"], expected: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
    { args: ["--check", "05.6,drill-recency"], expected: [6, 10] },
    { args: ["--check", "drill-recency", "--check", "05.6"], expected: [6, 10] },
    { args: ["--check", "05.6", "--check", "rollback-coverage,05.6"], expected: [6] },
    { args: ["--check", "05.1"], expected: [1] },
    { args: ["--check", "05.10"], expected: [10] },
    { args: ["--check", "05.1,05"], expected: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
  ])("$args", async ({ args, expected }) => {
    const { stdout } = await runWith({ version: 1, agent: AGENT }, "-q", ...args);
    const lines = checkLines(stdout);
    expect(lines).toHaveLength(expected.length);
    for (const [index, number] of expected.entries()) expect(lines[index]).toMatch(SUBJECTS[number - 1] ?? /never/);
  });

  it.each(["5.1", "05.11", "05.", "kill-switch", "06", "DRILL-RECENCY", ""])(
    "an unknown one (%j) exits 2 and lists the known",
    async (name) => {
      const { exitCode, stdout, stderr } = await runWith(GOOD, "--check", `05.3,${name}`);
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`unknown check "${name}"`);
      for (const known of ["05,", "05.1 kill-switch-endpoint", "05.6 rollback-coverage", "05.10 drill-recency"])
        expect(stderr).toContain(known);
    },
  );
});

describe.concurrent("the configuration that is used", PATIENT, () => {
  const named = (name: string) => ({ version: 1, agent: { name } });
  const agentIn = async (folder: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(folder, ["--offline", "--format", "json", ...args]);
    return stdout === "" ? stderr : (JSON.parse(stdout) as { agent: string }).agent;
  };

  it("is the nearest clawproof.yaml upward, not above the repository's root", async () => {
    const root = await folderWith({
      "clawproof.yaml": named("outside"),
      "repo/.git/HEAD": "ref: refs/heads/main\n",
      "repo/deep/clawproof.yaml": named("deep"),
      "repo/deep/deeper/empty.txt": "",
      "repo/other/empty.txt": "",
      "plain/empty.txt": "",
    });
    expect(await agentIn(join(root, "repo/deep/deeper"))).toBe("deep");
    expect(await agentIn(join(root, "plain"))).toBe("outside");
    expect(await agentIn(join(root, "repo/other"))).toMatch(/clawproof\.yaml.*\n?.*there is none here or above/);
    const { exitCode } = await run(join(root, "repo/other"), ["--offline"]);
    expect(exitCode).toBe(2);
  });

  it("at the repository's root itself is used, and -c names another", async () => {
    const root = await folderWith({
      ".git": "gitdir: elsewhere\n",
      "clawproof.yaml": named("root"),
      "config/other.yaml": named("other"),
      "deep/empty.txt": "",
    });
    expect(await agentIn(join(root, "deep"))).toBe("root");
    expect(await agentIn(root, "-c", "config/other.yaml")).toBe("other");
    expect(await agentIn(join(root, "deep"), "--config", "../config/other.yaml")).toBe("other");
    expect(await run(root, ["-c", "none.yaml"])).toMatchObject({ exitCode: 2, stdout: "" });
    expect(await run(root, ["-c", "deep"])).toMatchObject({ exitCode: 2, stdout: "" });
  });

  it("gives its paths their beginning, wherever the program was started", async () => {
    const root = await folderWith({
      "clawproof.yaml": { ...GOOD, breaker: { settings: "agent/breaker.yaml" } },
      "agent/breaker.yaml": BREAKER_FILES["breaker.yaml"] ?? "",
      "deep/deeper/empty.txt": "",
    });
    expect(await run(join(root, "deep/deeper"), ["--check", "05.3"])).toMatchObject({ exitCode: 0 });
  });
});

describe.concurrent("the exit status, the same in every format", PATIENT, () => {
  it.each([
    { what: "nothing against it", config: GOOD, fail: 0, warn: 0, never: 0 },
    { what: "a warning", config: LOOSE, fail: 0, warn: 1, never: 0 },
    { what: "only something that could not be checked", config: UNREADABLE, fail: 3, warn: 3, never: 0 },
    { what: "a failure", config: { version: 1, agent: AGENT }, fail: 1, warn: 1, never: 0 },
  ])("$what", async ({ what: _what, config, ...expected }) => {
    const folder = await folderWith({ ...BREAKER_FILES, "clawproof.yaml": config });
    for (const [level, status] of Object.entries(expected)) {
      const json = await run(folder, ["--check", "05.3", "--fail-on", level, "--format", "json"]);
      expect(json.exitCode, level).toBe(status);
      expect(JSON.parse(json.stdout), level).toMatchObject({ exitCode: status });
    }
    const usual = await run(folder, ["--check", "05.3"]);
    expect(usual.exitCode).toBe(expected.fail);
  });

  it("1 wins over 3: something is wrong, and something else could not be checked", async () => {
    const { exitCode, stdout } = await runWith(UNREADABLE, "--check", "05.3,05.7");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("2 failed (1 could not be checked)");
  });

  it("a part of the suite alone may give 0, and says that the rest was not judged", async () => {
    const { exitCode, stdout } = await runWith(GOOD, "--check", "05.3", "-q");
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      [
        "CHECK 05 — Rollback & Kill Switches",
        "─".repeat(35),
        "[PASS] Circuit breaker configured: error 15%, anomaly 10%",
        "",
        "Result: 1 passed, 0 warnings, 0 failed",
        "Status: NOT JUDGED (9 of 10)",
        "",
      ].join("\n"),
    );
  });

  it.each(
    [
      ["--fail-on", "nothing"],
      ["--fail-on"],
      ["--format", "xml"],
      ["--format", "sarif"],
      ["--format", "junit"],
      ["--format", "markdown"],
      ["--format", "github"],
      ["--format", "html"],
      ["--output", "sarif:report.sarif"],
      ["--output", "report.json"],
      ["--output", "json:"],
      ["--output", "json:none/report.json"],
      ["--output", "json:."],
      ["--nonsense"],
      ["-v", "-q"],
      ["--offline", "--dry-run"],
      ["--read-only", "--dry-run"],
      ["--offline", "--read-only"],
      ["--env", "none"],
      ["--act-on", "production"],
      ["explain", "05.1"],
      ["ledger", "list"],
      ["rollback", "--trace", "friday"],
      ["drill"],
      ["nonsense"],
    ].map((args) => ({ args })),
  )("$args exits 2 and says why", async ({ args }) => {
    const { exitCode, stdout, stderr } = await runWith(GOOD, ...args);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^clawproof(\.yaml:\d+:\d+)?: .+/);
  });

  it("a folder that cannot be written exits 2 before anything is judged", async () => {
    const folder = await folderWith({ ...BREAKER_FILES, "clawproof.yaml": GOOD, plain: "a file, no folder" });
    const { exitCode, stdout, stderr } = await run(folder, ["--output", "json:plain/report.json"]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("--output cannot write plain/report.json");
  });
});

describe.concurrent("forms of the report", PATIENT, () => {
  it("--format json has exactly these keys", async () => {
    const { stdout, stderr } = await runWith(LOOSE, "--format", "json", "--by", "kim@laptop");
    expect(stderr).toBe("");
    const report = JSON.parse(stdout) as Record<string, unknown> & { suites: Record<string, unknown>[] };
    // The contract's, in its order, and after them what was added: whose waivers ended, how many were not judged.
    expect(Object.keys(report).filter((key) => key !== "expiredWaivers")).toEqual(
      "schema tool config agent environment by startedAt durationMs status exitCode suites".split(" "),
    );
    expect(report).toMatchObject({
      schema: "clawproof/report@1",
      tool: { name: "clawproof", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
      config: { file: "clawproof.yaml", sha256: expect.stringMatching(/^[\da-f]{64}$/) },
      agent: "support",
      environment: null,
      by: "kim@laptop",
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      durationMs: expect.any(Number),
    });
    const [suite] = report.suites as [Record<string, unknown> & { checks: Record<string, unknown>[] }];
    expect(Object.keys(suite).filter((key) => key !== "notJudged" && key !== "total")).toEqual(
      "id title status summary checks".split(" "),
    );
    expect(Object.keys(suite["summary"] as object)).toEqual("passed warnings failed skipped unknown waived".split(" "));
    expect(suite.checks.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, index) => `05.${index + 1}`));
    for (const check of suite.checks) {
      expect(Object.keys(check)).toEqual(
        "id key verdict unknown message evidence remedy waiver durationMs location".split(" "),
      );
      expect(Object.keys(check["location"] as object)).toEqual(["file", "line", "column"]);
      for (const one of check["evidence"] as object[])
        expect(Object.keys(one).sort()).toEqual(["at", "data", "fact", "level", "source"]);
    }
    expect(suite.checks[2]).toMatchObject({ key: "breaker-thresholds", verdict: "warn", unknown: false, waiver: null });
    expect(suite.checks[2]?.["remedy"]).toEqual(expect.any(String));
  });

  it("--output writes files beside what standard output shows", async () => {
    const folder = await folderWith({ ...BREAKER_FILES, "clawproof.yaml": GOOD });
    const outputs = ["--output", "json:one.json", "--output", "terminal:two.txt", "--output", "json:three.json"];
    const { stdout, exitCode } = await run(folder, ["--check", "05.3", ...outputs]);
    const read = (name: string) => readFile(join(folder, name), "utf8");
    expect(exitCode).toBe(0);
    expect(await read("two.txt")).toBe(stdout);
    expect(await read("one.json")).toBe(await read("three.json"));
    expect(JSON.parse(await read("one.json"))).toMatchObject({ schema: "clawproof/report@1", exitCode: 0 });
  });

  it("-v prints the evidence, -q leaves out what to do next", async () => {
    const folder = await folderWith({ ...BREAKER_FILES, "clawproof.yaml": LOOSE });
    const [usual, verbose, quiet] = await Promise.all(
      [[], ["-v"], ["-q"]].map((args) => run(folder, ["--check", "05.3", ...args])),
    );
    expect(usual?.stdout).toMatch(/\n\nNext:\n {2}05\.3 {2}.+ \(loose\.yaml:1\)\n$/);
    expect(verbose?.stdout).toMatch(/\n\[WARN\] .+\n {7}inspected {2}.+: .+ \(\d{4}-\d\d-\d\dT.+Z\)\n/);
    expect(quiet?.stdout).not.toContain("Next:");
    expect(usual?.stdout.startsWith(quiet?.stdout ?? "never")).toBe(true);
  });

  it("colours only where they are asked for, and never in a file", async () => {
    const folder = await folderWith({ ...BREAKER_FILES, "clawproof.yaml": LOOSE });
    const coloured = async (args: string[], env: Record<string, string>): Promise<boolean> =>
      (await run(folder, ["--check", "05.3", ...args], env)).stdout.includes("\u001b[");
    expect(await coloured([], {})).toBe(false);
    expect(await coloured(["--output", "terminal:plain.txt"], { FORCE_COLOR: "1" })).toBe(true);
    expect(await readFile(join(folder, "plain.txt"), "utf8")).not.toContain("\u001b");
    expect(await coloured([], { NO_COLOR: "1" })).toBe(false);
    expect(await coloured(["--no-color"], { FORCE_COLOR: "1" })).toBe(false);
    expect(await coloured(["--format", "json"], { FORCE_COLOR: "1" })).toBe(false);
  });

  it("a reader that closes early changes neither the status nor what is said", async () => {
    const folder = await folderWith({ ...BREAKER_FILES, "clawproof.yaml": GOOD });
    const piped = '$CLAWPROOF -v | head -1; echo "${PIPESTATUS[0]}"';
    expect(await runInShell(folder, piped)).toMatchObject({
      stdout: "CHECK 05 — Rollback & Kill Switches\n1\n",
      stderr: "",
    });
    const closed = '$CLAWPROOF --check 05.3 | true; echo "${PIPESTATUS[0]}"';
    expect(await runInShell(folder, closed)).toMatchObject({ stdout: "0\n", stderr: "" });
  });
});

describe.concurrent("waivers", PATIENT, () => {
  const waived = (check: string, until: string, config: object = GOOD): object => ({
    ...config,
    waivers: [{ check, reason: "One tenant until spring", owner: "dana@example.com", until }],
  });

  it("turn a finding into a warning that no --fail-on counts", async () => {
    const until = dayFromNow(180);
    const config = waived("canary-traffic", until);
    const { exitCode, stdout } = await runWith(config, "--check", "05.3,05.7", "--fail-on", "warn");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("[WARN] No canary or blue-green deployment configured");
    expect(stdout).toContain("Result: 1 passed, 1 warning, 0 failed\n");
    expect(stdout).toContain(`waived until ${until} by dana@example.com: One tenant until spring`);
  });

  it("hold until the end of their day, and are named and ignored after it", async () => {
    const today = await runWith(waived("05.7", dayFromNow(0)), "--check", "05.7");
    expect([today.exitCode, today.stderr]).toEqual([0, ""]);
    const yesterday = dayFromNow(-1);
    const { exitCode, stdout, stderr } = await runWith(waived("05.7", yesterday), "--check", "05.7");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("[FAIL] No canary");
    expect(stderr).toMatch(
      new RegExp(`^waiver of 05\\.7 ended on ${yesterday} and is ignored \\(clawproof\\.yaml:\\d+\\)\n$`),
    );
  });

  it.each([
    ["05.1", dayFromNow(30), "05.1 kill-switch-endpoint cannot be waived"],
    ["kill-switch-latency", dayFromNow(30), "05.2 kill-switch-latency cannot be waived"],
    ["05.7", dayFromNow(182), "a waiver lasts at most 180"],
    ["canary-trafic", dayFromNow(30), "did you mean canary-traffic?"],
    ["05.7", "2026-02-30", "is not a day of the calendar"],
  ])("of %s until %s cannot be: exit 2", async (check, until, why) => {
    const { exitCode, stdout, stderr } = await runWith(waived(check, until), "--offline");
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(why);
    expect(stderr).toMatch(/clawproof\.yaml:\d+:\d+/);
  });

  it("never cover what could not be checked", async () => {
    const config = waived("05.3", dayFromNow(30), UNREADABLE);
    const { exitCode, stdout } = await runWith(config, "--check", "05.3");
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/\[FAIL\] .+ could not be checked — .*gone\.yaml/);
  });

  it("of the only finding make the whole sample READY, exit 0", { timeout: 120_000 }, async () => {
    const folder = await stage("ready");
    const sample = await start(folder);
    try {
      const file = join(folder, "clawproof.yaml");
      const until = dayFromNow(30);
      const waiver = `waivers: [{ check: drill-recency, reason: first drill is due, owner: dana, until: ${until} }]\n`;
      await writeFile(file, `${await readFile(file, "utf8")}${waiver}`);
      const { exitCode, stdout } = await run(folder, ["-q", "--fail-on", "warn"]);
      expect(stdout).toContain("Result: 9 passed, 1 warning, 0 failed\n");
      expect(stdout).toContain(`Status: READY (1 waived until ${until})\n`);
      expect(exitCode).toBe(0);
    } finally {
      await sample.stop();
      await unstage(folder);
    }
  });
});
