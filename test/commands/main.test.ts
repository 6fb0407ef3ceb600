import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../src/commands/main.ts";
import { surroundingsOf } from "./support.ts";

const CONFIG = `version: 1
agent: { name: support }
environments: { production: {} }
`;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "clawproof-main-"));
  await writeFile(join(cwd, "clawproof.yaml"), CONFIG);
  await writeFile(join(cwd, "wrong.yaml"), "version: 1\nagnet: {}\n");
});
afterAll(() => rm(cwd, { recursive: true }));

async function run(...argv: string[]) {
  const surroundings = surroundingsOf(argv, { cwd });
  const status = await main(surroundings);
  return { status, stdout: surroundings.stdout.text, stderr: surroundings.stderr.text };
}

describe("what cannot run exits 2 with one line", () => {
  test.each([
    [["--chekc", "05"], "unknown option '--chekc' (did you mean --check?)"],
    [["--check"], "option '--check <LIST>' argument missing"],
    [["--check", "5.1"], 'unknown check "5.1" (did you mean 05.1?); known: 05, 05.1 kill-switch-endpoint,'],
    [["--check", "05,nonsense"], 'unknown check "nonsense"; known: 05,'],
    [["--format", "sarif"], "the format sarif is not there yet"],
    [["--format", "yaml"], 'unknown format "yaml"'],
    [["--output", "html:report.html"], "the format html is not there yet"],
    [["--output", "json:no/where.json"], "--output cannot write no/where.json: there is no folder no"],
    [["--fail-on", "error"], '--fail-on takes fail, warn, never, not "error"'],
    [["--offline", "--read-only"], "option '--offline' cannot be used with option '--read-only'"],
    [["--dry-run", "--offline"], "option '--dry-run' cannot be used with option '--offline'"],
    [["--dry-run", "--format", "json"], "--dry-run has the terminal form only"],
    [["-v", "-q"], "option '-v, --verbose' cannot be used with option '-q, --quiet'"],
    [["--act-on", "production"], "--act-on production needs --env production"],
    [["--env", "staging", "--act-on", "production"], "--act-on production and --env staging name two environments"],
    [["rollback", "all", "--dry-run"], "clawproof.yaml names no ledger: rollback: { ledger: "],
    [["init", "--help"], "init is not there yet"],
    [["drill"], "a drill leaves a line, and there is nowhere to keep it: drills.log is not configured"],
    [["drill", "verfy"], 'unknown command "drill verfy" (did you mean drill verify?)'],
    [["rolback"], 'unknown command "rolback" (did you mean rollback?)'],
    [["05"], 'unknown command "05"'],
  ])("%j", async (argv, message) => {
    const { status, stdout, stderr } = await run(...argv);
    expect(stderr).toContain(`clawproof: ${message}`);
    expect(stderr.match(/\n/g)).toHaveLength(1);
    expect([status, stdout]).toEqual([2, ""]);
  });
});

test("an invalid configuration exits 2 with file, line and column", async () => {
  const { status, stderr, stdout } = await run("-c", "wrong.yaml");
  expect(stderr).toContain("wrong.yaml:2:1: ");
  expect(stderr).not.toContain("    at ");
  expect([status, stdout]).toEqual([2, ""]);
});

test("an environment that is none, and a file that is none, exit 2", async () => {
  expect(await run("--env", "staging")).toMatchObject({ status: 2, stdout: "" });
  expect(await run("-c", "none.yaml")).toMatchObject({ status: 2, stdout: "" });
});

test("--help has examples and hides nothing that works", async () => {
  const { status, stdout } = await run("--help");
  expect(status).toBe(0);
  for (const text of ["--check <LIST>", "--act-on <NAME>", "Examples:", "Exit status:"]) expect(stdout).toContain(text);
});

test("--version beside other options", async () => {
  expect(await run("-q", "--version")).toMatchObject({ status: 0, stdout: "0.1.0\n" });
});

describe("an audit", () => {
  test("prints the report and writes the others, all with one exit status", async () => {
    const { status, stdout } = await run("--offline", "-q", "--output", "json:report.json");
    const report = JSON.parse(await readFile(join(cwd, "report.json"), "utf8")) as { exitCode: number; status: string };
    expect(status).toBe(report.exitCode);
    expect(stdout).toContain(`Status: ${report.status}\n`);
  });

  test("--check repeated and with commas", async () => {
    const { stdout } = await run("--offline", "-q", "--check", "05.8, 05.7", "--check", "drill-recency");
    expect(stdout.match(/^\[/gm)).toHaveLength(3);
  });

  test("--format json, and never to fail", async () => {
    const { status, stdout } = await run("--offline", "--format", "json", "--fail-on", "never", "--by", "kim");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: "clawproof/report@1",
      by: "kim",
      exitCode: 0,
      agent: "support",
    });
  });

  test("--dry-run prints its four sections and exits 0", async () => {
    const { status, stdout } = await run("--dry-run");
    expect(status).toBe(0);
    expect(stdout.match(/^(would read|would act on|would not|missing secrets):/gm)).toHaveLength(4);
  });
});
